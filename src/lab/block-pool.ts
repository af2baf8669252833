/** The pool of blocks: who holds each, and which are free. */

import type { PrefixIndex } from "./prefix-index.ts";

/** A cached block that is given away, with its key. */
export interface Evicted {
  readonly block: number;
  readonly key: string;
}

/**
 * Blocks 1 .. count with reference counts; block 0 is the null block that unused places of a block table point at.
 * Every holder (a sequence that has the block in its table, a transfer or load that writes it) counts once.
 */
export class BlockPool {
  readonly count: number;
  readonly #prefixes: PrefixIndex;
  readonly #references: Int32Array;
  /** Free blocks that are not cached, last freed first: nothing is lost when they are used again. */
  readonly #blank: number[] = [];
  /** Cached ones that nobody holds, least recently used first. The prefix index says which of them is used again next. */
  readonly #unheld = new Set<number>();

  constructor(count: number, prefixes: PrefixIndex) {
    this.count = count;
    this.#prefixes = prefixes;
    this.#references = new Int32Array(count + 1);
    for (let block = count; block >= 1; block--) this.#blank.push(block);
  }

  get free(): number {
    return this.#blank.length + this.#prefixes.evictable(this.#unheld).size;
  }

  references(block: number): number {
    return this.#references[block]!;
  }

  /** Takes `count` free blocks, evicting cached ones where needed; null (and nothing taken) if there are too few. */
  allocate(count: number): { readonly blocks: number[]; readonly evicted: readonly Evicted[] } | null {
    if (this.#blank.length < count && this.free < count) return null;
    const blocks: number[] = [];
    const evicted: Evicted[] = [];
    while (blocks.length < count) {
      if (this.#blank.length === 0) evicted.push(...this.#evict());
      const block = this.#blank.pop()!;
      this.#references[block]!++;
      blocks.push(block);
    }
    return { blocks, evicted };
  }

  /** Adds a holder to each block. */
  hold(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (this.#references[block]!++ === 0) this.#remove(block);
    }
  }

  /** Takes a holder from each block. Later blocks of a prefix are free, and so evicted, before earlier ones. */
  release(blocks: readonly number[]): void {
    for (const block of this.#cacheFirst(blocks)) {
      if (this.#references[block] === 0) throw new Error(`block ${block} is freed twice`);
      if (--this.#references[block]! > 0) continue;
      if (this.#prefixes.holds(block)) this.#unheld.add(block);
      else this.#blank.push(block);
    }
  }

  /** Free blocks, for checks. */
  freeBlocks(): number[] {
    return [...this.#blank.toReversed(), ...this.#prefixes.evictable(this.#unheld)];
  }

  /** Makes cached blocks blank. */
  #evict(): Evicted[] {
    const evicted: Evicted[] = [];
    for (const { block, key } of this.#prefixes.evict(this.#unheld)) {
      this.#unheld.delete(block);
      this.#blank.push(block);
      if (key !== null) evicted.push({ block, key });
    }
    return evicted;
  }

  #remove(block: number): void {
    if (this.#unheld.delete(block)) return;
    this.#blank.splice(this.#blank.lastIndexOf(block), 1);
  }

  /** Cached blocks last to first; blank ones first to last, since of those the last freed is used next. */
  #cacheFirst(blocks: readonly number[]): number[] {
    return [
      ...blocks.filter((block) => this.#prefixes.holds(block)).reverse(),
      ...blocks.filter((block) => !this.#prefixes.holds(block)),
    ];
  }
}
