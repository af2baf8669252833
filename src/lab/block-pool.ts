/** The pool of blocks: who holds each, and which are free. */

import type { PrefixCache } from "./prefix-cache.ts";

/** A cached block that was given away, with its key. */
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
  readonly #cache: PrefixCache;
  readonly #references: Int32Array;
  /**
   * Free blocks without a key, last freed first: nothing is lost when they are used again. Then cached ones, least
   * recently used first.
   */
  readonly #blank: number[] = [];
  readonly #cached = new Set<number>();

  constructor(count: number, cache: PrefixCache) {
    this.count = count;
    this.#cache = cache;
    this.#references = new Int32Array(count + 1);
    for (let block = count; block >= 1; block--) this.#blank.push(block);
  }

  get free(): number {
    return this.#blank.length + this.#cached.size;
  }

  references(block: number): number {
    return this.#references[block]!;
  }

  /** Takes `count` free blocks, evicting cached ones where needed; null (and nothing taken) if there are too few. */
  allocate(count: number): { readonly blocks: number[]; readonly evicted: readonly Evicted[] } | null {
    if (this.free < count) return null;
    const blocks: number[] = [];
    const evicted: Evicted[] = [];
    while (blocks.length < count) {
      const block = this.#blank.pop() ?? this.#leastRecentlyUsed();
      const key = this.#cache.drop(block);
      if (key !== null) evicted.push({ block, key });
      this.#references[block] = 1;
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
      if (this.#cache.holds(block)) this.#cached.add(block);
      else this.#blank.push(block);
    }
  }

  /** Free blocks in the order they would be used, for checks. */
  freeBlocks(): number[] {
    return [...this.#blank.toReversed(), ...this.#cached];
  }

  #leastRecentlyUsed(): number {
    const [block] = this.#cached;
    this.#cached.delete(block!);
    return block!;
  }

  #remove(block: number): void {
    if (this.#cached.delete(block)) return;
    this.#blank.splice(this.#blank.lastIndexOf(block), 1);
  }

  /** Cached blocks last to first; blank ones first to last, since of those the last freed is used next. */
  #cacheFirst(blocks: readonly number[]): number[] {
    return [
      ...blocks.filter((block) => this.#cache.holds(block)).reverse(),
      ...blocks.filter((block) => !this.#cache.holds(block)),
    ];
  }
}
