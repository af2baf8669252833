/** The pool of blocks: who holds each, and which are free. */

import type { PrefixIndex } from "./prefix-index.ts";

/** A cached block that is given away, with its key. */
export interface Evicted {
  readonly block: number;
  readonly key: string;
}

/** What unused places of a block table point at: no request's cells are ever there. */
export const NULL_BLOCK = 0;

/**
 * Blocks 1 .. count with reference counts; block 0 is the null block.
 * Every holder (a sequence that has the block in its table, a load, store or transfer that writes or reads it) counts once.
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

  /** Whether so many blocks are free, cached ones included. */
  has(count: number): boolean {
    return this.#blank.length >= count || this.free >= count;
  }

  /** Makes cached blocks blank, until `count` blocks are. Those that were blank before are used first. */
  evict(count: number): readonly Evicted[] {
    const evicted: Evicted[] = [];
    while (this.#blank.length < count) {
      const given = this.#prefixes.evict(this.#unheld);
      if (given.length === 0) break;
      for (const { block, key } of given) {
        this.#unheld.delete(block);
        if (key !== null) evicted.push({ block, key });
      }
      this.#blank.unshift(...given.map(({ block }) => block));
    }
    return evicted;
  }

  /** Takes `count` blank blocks; null (and nothing taken) if there are too few. */
  allocate(count: number): number[] | null {
    if (this.#blank.length < count) return null;
    const blocks = this.#blank.splice(this.#blank.length - count, count).reverse();
    for (const block of blocks) this.#references[block]!++;
    return blocks;
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

  /** Free blocks that are not cached, in order of their numbers. From now on the first is taken first. */
  sortBlank(): readonly number[] {
    return this.#blank.sort((a, b) => b - a).toReversed();
  }

  /** The holders of a block hold another in its place, which was free and not cached. The place left is taken last. */
  move(from: number, to: number): void {
    this.#remove(to);
    this.#references[to] = this.#references[from]!;
    this.#references[from] = 0;
    this.#blank.unshift(from);
  }

  /** Free blocks, for checks. */
  freeBlocks(): number[] {
    return [...this.#blank.toReversed(), ...this.#prefixes.evictable(this.#unheld)];
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
