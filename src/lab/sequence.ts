/** A request inside a worker: its tokens, its blocks, and how far it is computed. */

import type { Sentences } from "../trace/options.ts";
import type { AdapterName } from "../tracer/adapter.ts";
import { NULL_BLOCK } from "./block-pool.ts";
import { GrammarMatcher } from "./grammar.ts";
import type { Load } from "./host-link.ts";
import type { blockKey } from "./prefix-cache.ts";
import { GREEDY, type Sampling } from "./sampler.ts";

/** What computes a request's cells and draws its tokens, and what its client calls it. */
export interface ComputedAs {
  /** None if left out. */
  readonly adapter?: AdapterName | null;
  /** Only requests with the same one share cached cells; none if left out. */
  readonly salt?: string | null;
  /** Ids that may be generated; all if left out. */
  readonly allowed?: readonly number[] | null;
  /** Sentences, of which the answer must be one; anything if left out. */
  readonly grammar?: Sentences | null;
  /** Lower runs first; 0 if left out. */
  readonly priority?: number;
  /** Greedy where it is left out. */
  readonly sampling?: Sampling;
  /** The id that the client gave it: others may have the same. None if left out. */
  readonly requestId?: string | null;
  /** The conversation that it is a turn of; none if left out. */
  readonly session?: string | null;
  /** Nothing is drawn: the output of the prompt's last token itself is wanted. */
  readonly embed?: boolean;
}

/** Mutable on purpose: the scheduler, the cache and the rows all look at the same sequence, as engines have it. */
export class Sequence {
  readonly id: string;
  /** Which of its request's choices it computes. */
  readonly choice: number;
  /** The prompt, then what was generated. */
  readonly tokens: number[];
  readonly promptLength: number;
  /** Length at which it is done. */
  readonly limit: number;
  /** Whether it may read and feed the prefix cache. */
  readonly cacheable: boolean;
  readonly adapter: AdapterName | null;
  readonly salt: string | null;
  readonly allowed: readonly number[] | null;
  /** Has accepted what was generated, for as long as the request lives: a preemption does not change it. */
  grammar: GrammarMatcher | null;
  readonly priority: number;
  readonly sampling: Sampling;
  readonly requestId: string | null;
  readonly session: string | null;
  readonly embed: boolean;
  /** Block numbers in its worker's pool, by position / block size. */
  blocks: number[] = [];
  /**
   * The same for layers with a sliding window, where the lab has some; none otherwise. The null block stands for blocks that
   * were given back, or never needed.
   */
  windowBlocks: number[] = [];
  /** Tokens whose cells are in the blocks. */
  computed = 0;
  /** Tokens that are computed by the steps under way, and tokens that these will bring. */
  underWay = 0;
  awaited = 0;
  /** Guesses of the tokens that follow, for the next step to verify. */
  drafts: readonly number[] = [];
  /** Tokens whose cells the drafter has. */
  drafted = 0;
  /** How many of its blocks have been offered to the prefix cache. */
  published = 0;
  /** Prompt tokens that the first admission found in a cache; null before it. */
  cached: number | null = null;
  /** The slot that it runs in; null where there are none, and while it waits. */
  slot: string | null = null;
  /** The load that fills some of its blocks from the host; null for none. */
  load: Load | null = null;
  /** Keys of its full blocks as far as they are known. */
  readonly #keys: string[] = [];

  constructor(
    id: string,
    prompt: ArrayLike<number>,
    limit: number,
    cacheable: boolean,
    as: ComputedAs = {},
    choice = 0,
  ) {
    const { adapter = null, salt = null, allowed = null, grammar = null, priority = 0, sampling = GREEDY } = as;
    const { requestId = null, session = null, embed = false } = as;
    this.id = id;
    this.choice = choice;
    this.tokens = Array.from({ length: prompt.length }, (_, i) => prompt[i]!);
    this.promptLength = this.tokens.length;
    this.limit = limit;
    this.cacheable = cacheable;
    this.adapter = adapter;
    this.salt = salt;
    this.allowed = allowed;
    this.grammar = grammar === null ? null : new GrammarMatcher(grammar);
    this.priority = priority;
    this.requestId = requestId;
    this.session = session;
    this.embed = embed;
    this.sampling = choice === 0 ? sampling : { ...sampling, seed: sampling.seed + choice };
  }

  /** All blocks that it is a holder of. */
  get held(): number[] {
    return [...this.blocks, ...this.windowBlocks.filter((block) => block !== NULL_BLOCK)];
  }

  /** Tokens that are computed, or will be when the steps under way have ended. */
  get scheduled(): number {
    return this.computed + this.underWay;
  }

  /** Tokens and drafts that no step computes yet, those that are awaited included. */
  get pending(): number {
    return this.tokens.length + this.awaited + this.drafts.length - this.scheduled;
  }

  /**
   * Prefix-cache keys of the first `count` blocks, or of all that its tokens fill.
   * @param root what stands in the place of the first block's parent
   * @param keyOf makes a key of the parent's and of the block's tokens
   */
  keys(count: number, blockSize: number, root: string, keyOf: typeof blockKey): readonly string[] {
    const known = Math.min(count, Math.floor(this.tokens.length / blockSize));
    while (this.#keys.length < known) {
      const i = this.#keys.length;
      this.#keys.push(keyOf(this.#keys[i - 1] ?? root, this.tokens.slice(i * blockSize, (i + 1) * blockSize)));
    }
    return this.#keys.slice(0, known);
  }
}
