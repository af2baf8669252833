/**
 * The way of one prompt's cells from the prefill pool to blocks that the decode side has set aside for it. After each
 * chunk of the prompt its blocks are posted, and are then written layer by layer. What is posted cannot be recalled.
 * `PullTransfer` is the other way, where the decode side posts the whole prompt at once.
 */

import type { VirtualClock } from "./clock.ts";
import type { LabConfig } from "./config.ts";
import { copyBlock } from "./copy-block.ts";
import type { KvCache } from "./kv-cache.ts";
import type { Lease } from "./lease.ts";

export interface TransferOptions {
  readonly config: LabConfig;
  readonly clock: VirtualClock;
  readonly from: KvCache;
  readonly to: KvCache;
  /** Blocks of the decode pool, one for each block of the prompt. The transfer holds them until its last write. */
  readonly destination: readonly number[];
  /** What the decode side reads; null: the prefill side writes. */
  readonly lease: Lease | null;
  /** Some posted blocks have been written. */
  readonly landed: (blocks: readonly number[]) => void;
  /** All has been written and acknowledged; not called after an abort. */
  readonly acknowledged: () => void;
}

export class Transfer {
  readonly #options: TransferOptions;
  /** Blocks posted so far. */
  #posted = 0;
  #writing = 0;
  /** When this transfer's queue of writes is empty. Each has its own: writes of different transfers keep no order. */
  #idleAt = 0;
  #aborted = false;
  #acknowledging = false;
  #holds = true;

  constructor(options: TransferOptions) {
    this.#options = options;
    options.to.pool.hold(options.destination);
    options.to.incoming.add(options.destination);
  }

  /** Sends the prompt's first `count` blocks as far as they were not sent before. */
  post(source: readonly number[], count: number): void {
    if (this.#aborted || count <= this.#posted) return;
    const { clock, config, destination, to } = this.#options;
    const read = source.slice(this.#posted, count);
    const written = destination.slice(this.#posted, count);
    this.#posted = count;
    this.#writing++;
    this.holdSource(read);
    let time = Math.max(clock.now, this.#idleAt);
    for (let layer = 0; layer < to.cells.layers; layer++) {
      for (const [i, block] of written.entries()) {
        time += clock.taking(config.costs.transfer);
        clock.at(time, "copy", () => this.copy(block, read[i]!, layer));
      }
    }
    this.#idleAt = time;
    clock.at(time, "copy", () => {
      this.releaseSource(read);
      this.#landed(written);
    });
    this.acknowledgeIfWhole();
  }

  /** Writes one layer of a block. */
  copy(written: number, read: number, layer: number): void {
    const { config, from, to } = this.#options;
    copyBlock(to.cells, written, from.cells, read, layer, config.blockSize);
  }

  /** What is being sent must not be given away. */
  holdSource(blocks: readonly number[]): void {
    this.#options.from.holdOutgoing(blocks);
  }

  releaseSource(blocks: readonly number[]): void {
    this.#options.from.releaseOutgoing(blocks);
  }

  /** The request is gone. Nothing more is posted; the blocks are let go when the last posted write has landed. */
  abort(): void {
    this.#aborted = true;
    if (this.mayLetGo()) this.#letGo();
  }

  /** Whether nothing that was posted is still to be written. */
  mayLetGo(): boolean {
    return this.#writing === 0;
  }

  /** Whether the whole prompt has been written. */
  isWhole(): boolean {
    return this.allPosted && this.#writing === 0;
  }

  get allPosted(): boolean {
    return this.#posted === this.#options.destination.length;
  }

  #landed(written: readonly number[]): void {
    this.#writing--;
    this.#options.landed(written);
    if (this.#aborted && this.mayLetGo()) this.#letGo();
    this.acknowledgeIfWhole();
  }

  acknowledgeIfWhole(): void {
    if (this.#acknowledging || !this.isWhole()) return;
    this.#acknowledging = true;
    const { clock, config, acknowledged } = this.#options;
    clock.at(clock.now + clock.taking(config.costs.acknowledge), "copy", () => {
      if (this.#aborted) return;
      this.#letGo();
      acknowledged();
    });
  }

  #letGo(): void {
    if (!this.#holds) return;
    this.#holds = false;
    const { destination, to } = this.#options;
    to.incoming.delete(destination);
    to.pool.release(destination);
  }
}
