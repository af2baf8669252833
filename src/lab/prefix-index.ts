/**
 * What knows which full blocks hold which tokens behind which prefix: a hash chain as vLLM has it, or a radix tree as
 * SGLang has it.
 */

/** The full blocks of a request, from its first token on. */
export interface Prefix {
  /** Adapter and salt: whoever has others has other cells. */
  readonly root: string;
  /** Tokens of these blocks, and maybe more behind them: not copied, since blocks are offered one by one. */
  readonly tokens: readonly number[];
  /** A key for each block, a hash over all tokens to its end: the host tier stores by it. */
  readonly keys: readonly string[];
}

/** A block that is given away, with its key; null where a flush has forgotten it. */
export interface GivenAway {
  readonly block: number;
  readonly key: string | null;
}

export interface PrefixIndex {
  /** Blocks of the longest run of full blocks that is here, from the first on. */
  find(prefix: Prefix): number[];
  /**
   * Registers a request's full blocks. Where the same prefix is here already, its blocks stay private to the request.
   * @param from how many were offered before
   */
  publish(prefix: Prefix, blocks: readonly number[], from: number): void;
  /** Keeps a holder's blocks that are here from eviction, and all before them, in place of what it had locked. */
  lock(holder: object, blocks: readonly number[]): void;
  unlock(holder: object): void;
  holds(block: number): boolean;
  /** The cells of a block, if it is here, lie in another from now on. */
  move(from: number, to: number): void;
  /**
   * Those of the pool's blocks that may be given away.
   * @param unheld blocks that were cached when their last holder let go, the earliest first
   */
  evictable(unheld: ReadonlySet<number>): ReadonlySet<number>;
  /** Forgets what is to be given away next: one block or more, if any is evictable. */
  evict(unheld: ReadonlySet<number>): readonly GivenAway[];
  /** Blocks that are here. */
  readonly size: number;
  clear(): void;
}
