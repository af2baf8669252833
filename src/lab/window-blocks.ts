/**
 * Layers with a sliding window have blocks of their own, of the same pool. A request gives them back when no token that is
 * still to be computed sees a cell in them, and a cached prefix counts only where the window before its end is there.
 */

import { NULL_BLOCK } from "./block-pool.ts";
import type { KvCache } from "./kv-cache.ts";
import type { Prefix } from "./prefix-index.ts";
import type { Sequence } from "./sequence.ts";

export class WindowBlocks {
  readonly #kv: KvCache;
  /** Cells that a token sees, its own included. */
  readonly #window: number;

  constructor(kv: KvCache, window: number) {
    this.#kv = kv;
    this.#window = window;
  }

  /** The place in a block table of the first block that the token at a position sees. */
  firstSeen(position: number): number {
    return Math.floor(Math.max(0, position - this.#window + 1) / this.#kv.blockSize);
  }

  /**
   * Of a prefix's first `most` blocks those that can be gone on from, as many as possible: what the token behind them sees
   * must be here. The null block stands for those that it does not see.
   */
  find(prefix: Prefix, most: number): number[] {
    const cached = this.cached(prefix).slice(0, most);
    for (let count = cached.length; count > 0; count--) {
      const first = this.firstSeen(count * this.#kv.blockSize);
      if (this.isWhole(cached.slice(first, count))) return cached.slice(0, count).fill(NULL_BLOCK, 0, first);
    }
    return [];
  }

  /** Whether all blocks that a hit's first token sees are here. */
  isWhole(seen: readonly number[]): boolean {
    return !seen.includes(NULL_BLOCK);
  }

  /** A prefix's blocks; the null block for those that are not in the prefix cache. */
  cached(prefix: Prefix): number[] {
    const keys = this.#keys(prefix);
    return keys.map((key) => this.#kv.prefixes.find({ ...prefix, keys: [key] })[0] ?? NULL_BLOCK);
  }

  /** Registers a sequence's full blocks in the prefix cache, but for the first `from`. */
  publish(prefix: Prefix, { windowBlocks }: Pick<Sequence, "windowBlocks">, from: number): void {
    this.#kv.prefixes.publish({ ...prefix, keys: this.#keys(prefix) }, windowBlocks, from);
  }

  /** Gives back all blocks that no token still to be computed sees. Full ones stay in the prefix cache. */
  giveBack(sequence: Sequence): void {
    this.giveBackTo(sequence, this.firstSeen(sequence.computed));
  }

  /** Gives back a sequence's first `count` blocks, as far as it still has them. */
  giveBackTo({ windowBlocks }: Sequence, count: number): void {
    const passed = windowBlocks.slice(0, count).filter((block) => block !== NULL_BLOCK);
    windowBlocks.fill(NULL_BLOCK, 0, count);
    this.#kv.pool.release(passed);
  }

  /** Keys of these blocks: cells of other layers are in the blocks with the prefix's own keys. */
  #keys({ keys }: Prefix): string[] {
    return keys.map((key) => `window ${key}`);
  }
}
