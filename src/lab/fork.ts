/**
 * Parallel sampling: when the prompt of a request with several choices is computed, the others are forked from the first.
 * A choice shares the prompt's full blocks, and has a copy of the block in which its own cells go on.
 */

import { copyBlocks } from "./copy-block.ts";
import type { KvCache } from "./kv-cache.ts";
import type { Sequence } from "./sequence.ts";

export class Fork {
  readonly #kv: KvCache;

  constructor(kv: KvCache) {
    this.#kv = kv;
  }

  /**
   * Gives a new choice the cells of its parent's prompt, but for the last token's: its output is wanted, so that each
   * choice computes it by itself. Where the pool is too full it gets nothing, and computes the prompt as others do.
   */
  fork(parent: Sequence, choice: Sequence): void {
    const { blockSize, cells } = this.#kv;
    const known = choice.promptLength - 1;
    const full = Math.floor(known / blockSize);
    choice.blocks = parent.blocks.slice(0, full);
    choice.windowBlocks = parent.windowBlocks.slice(0, full);
    const shared = choice.held;
    if (!this.#kv.grow(choice, known)) {
      choice.blocks = [];
      choice.windowBlocks = [];
      return;
    }
    this.hold(shared);
    this.#kv.prefixes.lock(choice, choice.blocks);
    const copies = [
      [choice.blocks[full], this.copied(parent, full)],
      [choice.windowBlocks[full], parent.windowBlocks[full]],
    ];
    for (const [block, from] of copies) {
      if (block === undefined || from === undefined) continue;
      copyBlocks(cells, [block], cells, [from], blockSize);
    }
    choice.computed = known;
    choice.published = full;
  }

  /** Blocks that a choice shares count it as a holder of theirs. */
  hold(blocks: readonly number[]): void {
    this.#kv.pool.hold(blocks);
  }

  /** The block whose cells are copied: the parent's own in that place. */
  copied(parent: Sequence, place: number): number {
    return parent.blocks[place]!;
  }
}
