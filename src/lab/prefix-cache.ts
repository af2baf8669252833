/** The prefix cache as a hash chain: which full blocks hold which tokens after which prefix. */

import type { GivenAway, Prefix, PrefixIndex } from "./prefix-index.ts";

/**
 * The key of a full block: a 64-bit hash over the key of the block before it and its own tokens, so that equal keys mean
 * equal prefixes. A first block has the adapter that computes it and the salt in place of a parent.
 */
export function blockKey(parent: string, tokens: readonly number[]): string {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  const mix = (value: number) => {
    low = Math.imul(low ^ value, 0x01000193);
    low ^= low >>> 15;
    high = Math.imul(high ^ value, 0x85ebca6b);
    high ^= high >>> 13;
  };
  for (let i = 0; i < parent.length; i++) mix(parent.charCodeAt(i));
  for (const token of tokens) mix(token);
  return (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0");
}

/** Blocks by key. A block stays here when its last reader leaves, until the pool gives it away. */
export class PrefixCache implements PrefixIndex {
  readonly #blockOf = new Map<string, number>();
  readonly #keyOf = new Map<number, string>();

  /** Blocks of the longest run of keys that is here, from the first key on. */
  find({ keys }: Pick<Prefix, "keys">): number[] {
    const blocks: number[] = [];
    for (const key of keys) {
      const block = this.#blockOf.get(key);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  publish({ keys }: Pick<Prefix, "keys">, blocks: readonly number[], from = 0): void {
    for (let i = from; i < keys.length; i++) this.#register(keys[i]!, blocks[i]!);
  }

  /** A key keeps its first block, a block its first key. */
  #register(key: string, block: number): void {
    if (this.#blockOf.has(key) || this.#keyOf.has(block)) return;
    this.#blockOf.set(key, block);
    this.#keyOf.set(block, key);
  }

  /** Nothing: a block is locked while the pool counts references. */
  lock(): void {}

  unlock(): void {}

  holds(block: number): boolean {
    return this.#keyOf.has(block);
  }

  move(from: number, to: number): void {
    const key = this.#drop(from);
    if (key !== null) this.#register(key, to);
  }

  evictable(unheld: ReadonlySet<number>): ReadonlySet<number> {
    return unheld;
  }

  /** Least recently used first. */
  evict(unheld: ReadonlySet<number>): readonly GivenAway[] {
    const [block] = unheld;
    return block === undefined ? [] : [{ block, key: this.#drop(block) }];
  }

  /** Forgets a block, because its cells are not to be found there any more; returns its key if it had one. */
  #drop(block: number): string | null {
    const key = this.#keyOf.get(block);
    if (key === undefined) return null;
    this.#keyOf.delete(block);
    this.#blockOf.delete(key);
    return key;
  }

  get size(): number {
    return this.#keyOf.size;
  }

  clear(): void {
    this.#blockOf.clear();
    this.#keyOf.clear();
  }
}
