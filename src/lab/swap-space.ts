/** Swap space: host memory for the cells of preempted requests, which need not be computed anew when they run again. */

import type { CellStore } from "../tracer/cells.ts";
import { copyBlocks } from "./copy-block.ts";
import type { Sequence } from "./sequence.ts";

/** A preempted request's cells in the host. */
export interface SwappedOut {
  readonly places: readonly number[];
  /** Tokens whose cells they are. */
  readonly computed: number;
}

export class SwapSpace {
  readonly cells: CellStore;
  readonly #blockSize: number;
  readonly #free: number[];
  readonly swapped = new Map<Sequence, SwappedOut>();

  /** @param cells room for `blocks` blocks */
  constructor(cells: CellStore, blocks: number, blockSize: number) {
    this.cells = cells;
    this.#blockSize = blockSize;
    this.#free = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
  }

  /** Copies a request's computed blocks into the host, at once; null if there is no room. */
  swapOut(sequence: Sequence, device: CellStore): SwappedOut | null {
    const { blocks, computed } = sequence;
    const places = this.take(Math.ceil(computed / this.#blockSize));
    if (places === null) return null;
    copyBlocks(this.cells, places, device, blocks, this.#blockSize);
    const out = { places, computed };
    this.swapped.set(sequence, out);
    return out;
  }

  /** Takes places in the host; null, with nothing taken, if there are too few. */
  take(count: number): number[] | null {
    return count > this.#free.length ? null : this.#free.splice(this.#free.length - count, count);
  }

  release(places: readonly number[]): void {
    this.#free.push(...places);
  }

  /** A request that will not run again gives its places back. */
  forget(sequence: Sequence): void {
    const out = this.swapped.get(sequence);
    if (out === undefined) return;
    this.swapped.delete(sequence);
    this.release(out.places);
  }
}
