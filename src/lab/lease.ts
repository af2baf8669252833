/**
 * A computed prompt's blocks, which the prefill side holds for the decode side to read: until that notifies it, or has been
 * silent for too long.
 */

import type { VirtualClock } from "./clock.ts";
import type { LabConfig } from "./config.ts";
import { InvariantBroken } from "./invariants.ts";
import type { KvCache } from "./kv-cache.ts";

export interface LeaseOptions {
  readonly config: LabConfig;
  readonly clock: VirtualClock;
  /** The prefill side's. */
  readonly kv: KvCache;
  readonly blocks: readonly number[];
}

export class Lease {
  readonly blocks: readonly number[];
  readonly #options: LeaseOptions;
  #runsUntil = 0;
  #isOver = false;

  constructor(options: LeaseOptions) {
    const { blocks, kv } = options;
    this.blocks = blocks;
    this.#options = options;
    kv.holdOutgoing(blocks);
    this.renew();
    this.#awaitEnd();
  }

  /** Nobody holds the blocks for the decode side any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A heartbeat of the decode side: from now on the lease runs its full time again. False, and nothing, if it is over. */
  renew(): boolean {
    const { clock, config } = this.#options;
    if (!this.#isOver) this.#runsUntil = clock.now + config.leaseMicros;
    return !this.#isOver;
  }

  /** The decode side is done with the blocks, or has no use for them; the prefill side hears of it a little later. */
  notify(): void {
    const { clock, config } = this.#options;
    clock.at(clock.now + clock.taking(config.costs.acknowledge), "copy", () => this.notified());
  }

  /** A lease may have run out before the notification came. */
  notified(): void {
    if (!this.#isOver) this.end();
  }

  /** Lets the blocks go. */
  end(): void {
    if (this.#isOver) throw new InvariantBroken("a lease ends twice");
    this.#isOver = true;
    this.#options.kv.releaseOutgoing(this.blocks);
  }

  /** What is read at the moment of its end has been read: that is a heartbeat. */
  #awaitEnd(): void {
    const { clock } = this.#options;
    clock.at(this.#runsUntil, "compute", () => {
      if (this.#isOver) return;
      if (clock.now < this.#runsUntil) this.#awaitEnd();
      else this.end();
    });
  }
}
