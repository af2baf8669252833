/** The prefix cache: which full blocks hold which tokens after which prefix. */

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
export class PrefixCache {
  readonly #blockOf = new Map<string, number>();
  readonly #keyOf = new Map<number, string>();

  /** Blocks of the longest run of keys that is here, from the first key on. */
  find(keys: readonly string[]): number[] {
    const blocks: number[] = [];
    for (const key of keys) {
      const block = this.#blockOf.get(key);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** Registers a full block. Where the key is here already, the block stays private to its owner. */
  publish(key: string, block: number): void {
    if (this.#blockOf.has(key) || this.#keyOf.has(block)) return;
    this.#blockOf.set(key, block);
    this.#keyOf.set(block, key);
  }

  /** Forgets a block, because other cells are about to be written there; returns its key if it had one. */
  drop(block: number): string | null {
    const key = this.#keyOf.get(block);
    if (key === undefined) return null;
    this.#keyOf.delete(block);
    this.#blockOf.delete(key);
    return key;
  }

  holds(block: number): boolean {
    return this.#keyOf.has(block);
  }

  get size(): number {
    return this.#keyOf.size;
  }

  clear(): void {
    this.#blockOf.clear();
    this.#keyOf.clear();
  }
}
