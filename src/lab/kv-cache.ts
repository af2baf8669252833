/** One worker's cells: gives sequences their blocks, from the prefix cache and the host tier where they are known. */

import type { CellStore } from "../tracer/cells.ts";
import { BlockPool, type Evicted, NULL_BLOCK } from "./block-pool.ts";
import type { VirtualClock } from "./clock.ts";
import type { LabConfig } from "./config.ts";
import { HostLink } from "./host-link.ts";
import { HostTier } from "./host-tier.ts";
import { blockKey, PrefixCache } from "./prefix-cache.ts";
import type { Prefix, PrefixIndex } from "./prefix-index.ts";
import { PromptCache } from "./prompt-cache.ts";
import { RadixTree } from "./radix-tree.ts";
import type { Sequence } from "./sequence.ts";
import { Sessions } from "./session.ts";
import { Slots } from "./slots.ts";
import { type SwappedOut, SwapSpace } from "./swap-space.ts";
import { labCells } from "./watched-cells.ts";
import { WindowBlocks } from "./window-blocks.ts";

/** What happens to cells already written, for the history. */
export type CacheEvent = "eviction" | "preemption" | "load" | "store" | "transfer" | "move";
export type ReportCacheEvent = (what: CacheEvent, blocks: readonly number[], id?: string) => void;

/** Blocks that a flush forgot. */
export interface Forgotten {
  readonly pool: number;
  readonly host: number;
}

export interface KvCacheOptions {
  readonly blocks: number;
  readonly hostBlocks: number;
  /** Whether blocks are kept for later requests with the same prefix. */
  readonly reuse: boolean;
}

export class KvCache {
  readonly cells: CellStore;
  readonly pool: BlockPool;
  readonly prefixes: PrefixIndex;
  /** Loads and transfers under way: blocks that each holds because it writes them. */
  readonly incoming = new Set<readonly number[]>();
  /** Transfers and stores under way, and leases: blocks that each holds because they are read. */
  readonly outgoing = new Set<readonly number[]>();
  /** Blocks that stores read. They are free by themselves when these have ended. */
  storing = 0;
  /** Whether the pool had the blocks that were asked for last, or will have when stores under way have ended. */
  suffices = true;
  readonly #config: LabConfig;
  readonly host: HostTier | null;
  readonly swap: SwapSpace | null;
  readonly sessions: Sessions;
  /** Null where no layer has a sliding window. */
  readonly window: WindowBlocks | null;
  readonly #link = new HostLink();
  readonly #reuse: boolean;
  readonly #clock: VirtualClock;
  readonly #report: ReportCacheEvent;

  constructor(config: LabConfig, options: KvCacheOptions, clock: VirtualClock, report: ReportCacheEvent) {
    const { blockSize, prefixIndex, promptCacheBlocks, slots, swapBlocks, window } = config;
    const { blocks, hostBlocks } = options;
    const host = (count: number) => labCells(config, count * blockSize);
    this.cells = labCells(config, (blocks + 1) * blockSize);
    this.prefixes = prefixIndex === "radix" ? new RadixTree(blockSize) : new PrefixCache();
    this.pool = new BlockPool(blocks, this.prefixes);
    this.#config = config;
    this.host = hostBlocks > 0 ? new HostTier(host(hostBlocks), hostBlocks, blockSize, this.#link) : null;
    this.swap = swapBlocks > 0 ? new SwapSpace(host(swapBlocks), swapBlocks, blockSize) : null;
    const prompts =
      promptCacheBlocks > 0 ? new PromptCache(host(promptCacheBlocks), promptCacheBlocks, blockSize, report) : null;
    this.sessions = slots > 0 ? new Slots(this, slots, prompts) : new Sessions(this);
    this.window = window === null ? null : new WindowBlocks(this, window);
    this.#reuse = options.reuse && slots === 0;
    this.#clock = clock;
    this.#report = report;
  }

  /** Cells in a block. */
  get blockSize(): number {
    return this.#config.blockSize;
  }

  /** Blocks that hold this many tokens. */
  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.#config.blockSize);
  }

  /**
   * Gives a waiting sequence the cached blocks of its prefix and room for up to `budget` tokens more; false, with
   * nothing taken, if the pool is too full. The last token is always computed: its output is wanted.
   */
  admit(sequence: Sequence, budget: number): boolean {
    if (!this.sessions.seat(sequence)) return false;
    const swapped = this.swap?.swapped.get(sequence);
    if (swapped !== undefined) return this.swapIn(sequence, swapped, budget);
    const { blockSize } = this.#config;
    const length = sequence.tokens.length;
    const full = this.#reuse && sequence.cacheable ? Math.floor((length - 1) / blockSize) : 0;
    const prefix = this.prefix(sequence, full);
    const cached = this.prefixes.find(prefix);
    const windowHits = this.window?.find(prefix, cached.length) ?? null;
    const hits = cached.slice(0, windowHits?.length);
    const hostHits = this.host?.find(prefix.keys.slice(hits.length)) ?? [];
    const known = (hits.length + hostHits.length) * blockSize;
    if (this.sessions.usable(sequence) > known) return this.resume(sequence, budget);
    const end = Math.min(length, known + budget);
    // Held and pinned before anything is evicted: making room must not take what was just found.
    const held = [...hits, ...(windowHits ?? []).filter((block) => block !== NULL_BLOCK)];
    this.pool.hold(held);
    this.prefixes.lock(sequence, hits);
    const pinned = this.host?.pin(hostHits) ?? [];
    const count = this.blocksFor(this.lookahead(end)) - hits.length;
    const taken = this.take(count * this.#tables);
    if (taken === null) {
      this.prefixes.unlock(sequence);
      this.pool.release(held);
      this.host?.unpin(pinned);
      return false;
    }
    const blocks = taken.slice(0, count);
    sequence.blocks = [...hits, ...blocks];
    sequence.windowBlocks = [...(windowHits ?? []), ...taken.slice(count)];
    sequence.computed = known;
    sequence.published = hits.length;
    sequence.cached ??= known;
    if (pinned.length > 0) this.load(sequence, pinned, blocks.slice(0, pinned.length));
    this.sessions.begin(sequence);
    return true;
  }

  /**
   * Gives a waiting sequence what its session has kept of it, and room for up to `budget` tokens more; false if the pool is
   * too full: then the session keeps what the sequence can use.
   */
  resume(sequence: Sequence, budget: number): boolean {
    const { sessions } = this;
    const turn = sessions.rewind(sequence);
    const known = turn.tokens.length;
    const blocks = sessions.spare(turn, () =>
      this.take(this.blocksFor(this.lookahead(Math.min(sequence.tokens.length, known + budget))) - turn.blocks.length),
    );
    if (blocks === null) return false;
    sequence.blocks = [...turn.blocks, ...blocks];
    sequence.computed = known;
    sequence.published = turn.published;
    sequence.cached ??= known;
    this.pool.hold(turn.blocks);
    this.prefixes.lock(sequence, turn.blocks);
    sessions.begin(sequence);
    return true;
  }

  /**
   * Makes room for the first `tokens` tokens of a sequence, once it has given back what has left its window; false, with
   * nothing taken, if the pool is too full.
   */
  grow(sequence: Sequence, tokens: number): boolean {
    this.window?.giveBack(sequence);
    const missing = this.blocksFor(tokens) - sequence.blocks.length;
    if (missing <= 0) return true;
    const taken = this.take(missing * this.#tables);
    if (taken === null) return false;
    sequence.blocks.push(...taken.slice(0, missing));
    sequence.windowBlocks.push(...taken.slice(missing));
    return true;
  }

  /** Block tables of a request: layers with a sliding window have one of their own. */
  get #tables(): number {
    return this.window === null ? 1 : 2;
  }

  /** Tokens to have room for where so many are computed: drafts that follow them are written before they are accepted. */
  lookahead(tokens: number): number {
    return Math.min(tokens + this.#config.draftTokens, this.#config.contextTokens);
  }

  /** Registers a running sequence's full blocks in the prefix cache: a radix tree gets those of answers when they end. */
  publish(sequence: Sequence): void {
    if (this.#config.prefixIndex === "radix" && sequence.computed > sequence.promptLength) return;
    this.publishBlocks(sequence, Math.floor(sequence.computed / this.#config.blockSize));
  }

  /** Takes the blocks of a sequence away that is done or aborted. Its session keeps those of computed tokens. */
  leave(sequence: Sequence): void {
    // Published first: the session locks what is in the prefix cache.
    this.publishBlocks(sequence, this.blocksToKeep(sequence));
    this.sessions.keep(sequence);
    this.retire(sequence);
  }

  /** Takes a sequence's blocks away, when it is done, aborted or preempted. Full ones stay in the prefix cache. */
  retire(sequence: Sequence): void {
    this.publishBlocks(sequence, this.blocksToKeep(sequence));
    // A load, store or transfer that outlasts the sequence locks what it writes or reads.
    for (const blocks of [...this.incoming, ...this.outgoing]) this.prefixes.lock(blocks, blocks);
    this.prefixes.unlock(sequence);
    this.pool.release(sequence.held);
    sequence.blocks = [];
    sequence.windowBlocks = [];
    sequence.computed = 0;
    sequence.published = 0;
    sequence.load = null;
    sequence.underWay = 0;
    sequence.awaited = 0;
    sequence.drafts = [];
    sequence.drafted = 0;
    this.sessions.end(sequence);
  }

  /** Takes a preempted sequence's blocks away. Its cells go to the swap space, if there is one with room. */
  preempt(sequence: Sequence): void {
    const { blocks } = sequence;
    const out = this.swap?.swapOut(sequence, this.cells);
    if (out) this.#report("store", blocks.slice(0, out.places.length), sequence.id);
    this.retire(sequence);
  }

  /** Brings a sequence's cells back into blocks of its own; false, with nothing taken, if the pool is too full. */
  swapIn(sequence: Sequence, { places, computed }: SwappedOut, budget: number): boolean {
    const end = Math.min(sequence.tokens.length, computed + budget);
    const blocks = this.take(this.blocksFor(this.lookahead(end)));
    if (blocks === null) return false;
    this.swap!.swapped.delete(sequence);
    sequence.blocks = blocks;
    sequence.computed = computed;
    sequence.published = 0;
    const filled = blocks.slice(0, places.length);
    this.#report("load", filled, sequence.id);
    this.pool.hold(filled);
    this.incoming.add(filled);
    const route = { from: this.swap!.cells, read: places, to: this.cells, written: filled, blockSize: this.blockSize };
    sequence.load = this.#link.copy(this.#clock, route, this.#config.costs.load, () => {
      this.swap!.release(places);
      this.loaded(filled);
    });
    return true;
  }

  /** How many of a sequence's blocks stay in the prefix cache when it leaves: the full ones. */
  blocksToKeep({ computed }: Pick<Sequence, "computed">): number {
    return Math.floor(computed / this.#config.blockSize);
  }

  /** What stands in the key of a first block for the prefix before it: whoever has another one has other cells. */
  keyRoot({ adapter, salt }: Pick<Sequence, "adapter" | "salt">): string {
    return salt === null ? (adapter ?? "") : `${adapter ?? ""} ${salt}`;
  }

  /** The key of a full block behind the block with key `parent`. */
  blockKey(parent: string, tokens: readonly number[]): string {
    return blockKey(parent, tokens);
  }

  /** Forgets every cached prefix and closes all sessions; returns how many blocks the pool and the host tier held. */
  flush(): Forgotten {
    for (const session of [...this.sessions.turns.keys()]) this.sessions.close(session);
    const held = { pool: this.prefixes.size, host: this.host?.size ?? 0 };
    this.prefixes.clear();
    this.host?.clear();
    if (this.sessions instanceof Slots) this.sessions.prompts?.clear();
    return held;
  }

  /** Offers the first `count` blocks to the prefix cache, as far as they were not offered before. */
  publishBlocks(sequence: Sequence, count: number): void {
    if (!this.#reuse || !sequence.cacheable || count <= sequence.published) return;
    const prefix = this.prefix(sequence, count);
    if (prefix.keys.length <= sequence.published) return;
    this.prefixes.publish(prefix, sequence.blocks, sequence.published);
    this.window?.publish(prefix, sequence, sequence.published);
    this.prefixes.lock(sequence, sequence.blocks);
    sequence.published = prefix.keys.length;
  }

  /** A sequence's first `count` blocks, or all that its tokens fill. */
  prefix(sequence: Sequence, count: number): Prefix {
    return { root: this.keyRoot(sequence), tokens: sequence.tokens, keys: this.keys(sequence, count) };
  }

  keys(sequence: Sequence, count: number): readonly string[] {
    return sequence.keys(count, this.#config.blockSize, this.keyRoot(sequence), this.blockKey);
  }

  /**
   * Takes free blocks, or none where there are too few, or will be only when stores under way have ended. Where the pool is
   * too full, sessions that nobody is a turn of at the moment give way, the oldest first.
   */
  take(count: number): number[] | null {
    this.suffices = this.pool.has(count - this.storing);
    if (!this.suffices) return this.sessions.closeOldest() ? this.take(count) : null;
    const evicted = this.pool.evict(count + this.#ahead - this.storing);
    if (evicted.length > 0) this.#evict(evicted);
    return this.pool.allocate(count);
  }

  /** Blocks that are evicted ahead of need, so that few wait for a store: as many as a step's tokens fill. */
  get #ahead(): number {
    return this.host === null ? 0 : this.blocksFor(this.#config.stepTokens);
  }

  /** Evicted cells go to the host before their blocks are written anew. */
  #evict(evicted: readonly Evicted[]): void {
    this.#report(
      "eviction",
      evicted.map(({ block }) => block),
    );
    const { store } = this.#config.costs;
    const stored =
      this.host?.store(this.#clock, this.cells, evicted, store, (blocks) => this.releaseStored(blocks)) ?? [];
    if (stored.length === 0) return;
    this.#report("store", stored);
    this.holdStored(stored);
  }

  holdStored(blocks: readonly number[]): void {
    this.holdOutgoing(blocks);
    this.storing += blocks.length;
  }

  releaseStored(blocks: readonly number[]): void {
    this.releaseOutgoing(blocks);
    this.storing -= blocks.length;
  }

  /** What a store, transfer or lease reads must not be given away. */
  holdOutgoing(blocks: readonly number[]): void {
    this.pool.hold(blocks);
    this.outgoing.add(blocks);
  }

  releaseOutgoing(blocks: readonly number[]): void {
    this.outgoing.delete(blocks);
    this.prefixes.unlock(blocks);
    this.pool.release(blocks);
  }

  /** The load holds its blocks until it is done: whoever leaves early, nobody else gets blocks that are being written. */
  load(sequence: Sequence, places: readonly number[], blocks: readonly number[]): void {
    this.#report("load", blocks, sequence.id);
    this.pool.hold(blocks);
    this.incoming.add(blocks);
    sequence.load = this.host!.load(this.#clock, places, this.cells, blocks, this.#config.costs.load, () =>
      this.loaded(blocks),
    );
  }

  /** A load has written its last layer. */
  loaded(blocks: readonly number[]): void {
    this.incoming.delete(blocks);
    this.prefixes.unlock(blocks);
    this.pool.release(blocks);
  }
}
