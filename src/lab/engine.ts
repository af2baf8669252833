/**
 * The embedded engine: workers, transfers and streams, joined over one virtual clock. It is driven from outside: submit
 * and cancel requests, let time pass, take the events.
 */

import type { HistoryEvent } from "../history/schema.ts";
import { NO_TOKEN } from "../target/embedding.ts";
import { VOCABULARY_SIZE } from "../tracer/vocabulary.ts";
import { VirtualClock } from "./clock.ts";
import { type LabConfig, type LabOptions, labConfig } from "./config.ts";
import type { CacheEvent, Forgotten } from "./kv-cache.ts";
import { Lease } from "./lease.ts";
import { OutputProcessor } from "./output-processor.ts";
import { PullTransfer } from "./pull-transfer.ts";
import { type ComputedAs, Sequence } from "./sequence.ts";
import { Transfer, type TransferOptions } from "./transfer.ts";
import { Worker } from "./worker.ts";

export interface LabRequest extends ComputedAs {
  /** Not in use by another request that is under way. */
  readonly id: string;
  readonly prompt: ArrayLike<number>;
  readonly maxTokens: number;
  /** `false`: neither read nor keep cached prefixes. */
  readonly cache: boolean;
  /** Choices: answers to the one prompt, which is computed once. One if left out; more in topology `single` only. */
  readonly n?: number;
}

/** Events as a history has them; `t` is microseconds from the engine's start. */
export type LabEvent = Extract<HistoryEvent, { e: "tokens" | "finished" | "failed" | "cache" }>;

/** Counters since the engine's start. Those of cache events count the events. */
export interface LabCounters {
  /** Prompt tokens of all requests that began to run, cached ones included. */
  readonly promptTokens: number;
  readonly promptTokensCached: number;
  readonly generatedTokens: number;
  readonly evictions: number;
  readonly preemptions: number;
  readonly loads: number;
  readonly stores: number;
  readonly transfers: number;
  /** Of a lab that moves blocks. */
  readonly moves?: number;
  /** Of a lab that decodes speculatively: drafts that were verified, their tokens, and those that were right. */
  readonly drafts?: number;
  readonly draftTokens?: number;
  readonly acceptedTokens?: number;
}

/** A request from submit to its end. In topology `pd` it is two sequences: one prefills, the other decodes. */
export interface UnderWay {
  readonly request: LabRequest;
  /** By choice, as far as they are forked: the first computes the prompt. */
  readonly sequences: [Sequence, ...Sequence[]];
  /** Choices that have not ended. */
  open: number;
  readonly decode: Sequence | null;
  /** What holds the computed prompt for the decode side to read; null before, and where the prefill side pushes. */
  lease: Lease | null;
  /** Null until decode blocks are set aside. */
  transfer: Transfer | null;
  firstToken: number | null;
  /** Its prompt tokens are in the counters. */
  counted: boolean;
}

const COUNTER = {
  eviction: "evictions",
  preemption: "preemptions",
  load: "loads",
  store: "stores",
  transfer: "transfers",
} as const satisfies Record<Exclude<CacheEvent, "move">, keyof LabCounters>;

export class LabEngine {
  readonly config: LabConfig;
  readonly #clock: VirtualClock;
  /** The only worker, or the one that prefills. */
  readonly #worker: Worker;
  readonly #decoder: Worker | null;
  readonly #requests = new Map<string, UnderWay>();
  readonly outputs: OutputProcessor;
  /** Topology `pd`: requests that wait for decode blocks, in order of arrival, or of the ends of prompts to be read. */
  readonly #unplaced: UnderWay[] = [];
  readonly #counters: { -readonly [K in keyof LabCounters]: LabCounters[K] } = {
    promptTokens: 0,
    promptTokensCached: 0,
    generatedTokens: 0,
    evictions: 0,
    preemptions: 0,
    loads: 0,
    stores: 0,
    transfers: 0,
  };
  readonly #speculation = { drafts: 0, draftTokens: 0, acceptedTokens: 0 };
  #moves = 0;
  #events: LabEvent[] = [];

  /** @throws CrosstalkError INVALID_OPTION */
  constructor(options: LabOptions = {}) {
    this.config = labConfig(options);
    this.outputs = new OutputProcessor(this.config.streamInterval);
    const { decodeBlocks, hostBlocks, movesPerStep: moves, poolBlocks, schedulerSeed, topology } = this.config;
    this.#clock = new VirtualClock(schedulerSeed);
    const cache = (what: CacheEvent, blocks: readonly number[], id?: string) => this.#cacheEvent(what, blocks, id);
    const verified = (proposed: number, accepted: number) => {
      this.#speculation.drafts++;
      this.#speculation.draftTokens += proposed;
      this.#speculation.acceptedTokens += accepted;
    };
    const pd = topology === "pd";
    this.#worker = new Worker(this.config, { blocks: poolBlocks, hostBlocks, reuse: true, moves }, this.#clock, {
      computed: (sequence) => this.#computed(sequence),
      generated: (sequence, token) => {
        if (!pd) this.generated(sequence, token);
      },
      pooled: (sequence, token) => this.#pooled(sequence, token),
      completed: (sequence, row) =>
        pd ? this.#prefilled(sequence) : this.#finished(sequence, sequence.slot ?? `row ${row}`),
      verified,
      cache,
    });
    this.#decoder = pd
      ? new Worker(this.config, { blocks: decodeBlocks, hostBlocks: 0, reuse: false, moves: 0 }, this.#clock, {
          computed: () => {},
          generated: (sequence, token) => this.generated(sequence, token),
          pooled: () => {},
          completed: (sequence, row) => this.#finished(sequence, `decode row ${row}`),
          verified,
          cache,
        })
      : null;
    const workers = this.#decoder === null ? [this.#worker] : [this.#worker, this.#decoder];
    this.config.fault?.plant({ engine: this, clock: this.#clock, workers, watch: this.config.watch });
  }

  /** From now on steps, loads, stores and transfers take their time by this seed; null: exactly what they cost. */
  vary(schedulerSeed: number | null): void {
    this.#clock.vary(schedulerSeed);
  }

  /** Microseconds from the engine's start. */
  get now(): number {
    return this.#clock.now;
  }

  /** When something happens next by itself, in microseconds; null if nothing is under way. */
  get nextEventAt(): number | null {
    return this.#clock.nextAt;
  }

  get counters(): LabCounters {
    const { draftTokens, movesPerStep } = this.config;
    return {
      ...this.#counters,
      ...(movesPerStep > 0 ? { moves: this.#moves } : {}),
      ...(draftTokens > 0 ? this.#speculation : {}),
    };
  }

  /** Requests under way, each choice for itself: those that wait for a row or for blocks, and the others. */
  get load(): { readonly running: number; readonly waiting: number } {
    const waiting = this.#worker.waiting + (this.#decoder?.waiting ?? 0) + this.#unplaced.length;
    const open = [...this.#requests.values()].reduce((sum, underWay) => sum + underWay.open, 0);
    return { running: Math.max(0, open - waiting), waiting };
  }

  /**
   * Blocks of all pools, how many of them requests, loads, stores, transfers and sessions hold, and how many sessions alone: cached
   * ones that nobody holds are free.
   */
  get blocks(): { readonly held: number; readonly inSessions: number; readonly count: number } {
    const pools = [this.#worker, this.#decoder].flatMap((worker) => worker?.kv.pool ?? []);
    const count = pools.reduce((sum, pool) => sum + pool.count, 0);
    const inSessions = this.#worker.kv.sessions.idleBlocks;
    return { held: pools.reduce((held, pool) => held - pool.free, count), inSessions, count };
  }

  /** Takes a request in at the present moment. One that cannot be served gets a `failed` event. */
  submit(request: LabRequest): void {
    const refusal = this.#refusal(request);
    if (refusal !== null) {
      this.#events.push({ t: this.now, e: "failed", id: request.id, code: "REFUSED", message: refusal });
      return;
    }
    const { id, prompt, maxTokens, cache, n = 1, embed = false } = request;
    const pd = this.#decoder !== null;
    const own = embed ? 0 : pd ? 1 : maxTokens;
    const underWay: UnderWay = {
      request,
      sequences: [new Sequence(id, prompt, prompt.length + own, cache, request)],
      open: n,
      decode: pd ? new Sequence(id, prompt, prompt.length + maxTokens, false, request) : null,
      lease: null,
      transfer: null,
      firstToken: null,
      counted: false,
    };
    this.#requests.set(id, underWay);
    this.outputs.begin(request, n);
    if (pd && this.config.transfer === "push") this.#unplaced.push(underWay);
    else this.#worker.submit(underWay.sequences[0]);
    this.#wake();
  }

  /** The client hangs up: what waits in its stream is flushed to it, then nothing comes any more. Unknown ids are ignored. */
  cancel(id: string): void {
    const underWay = this.#requests.get(id);
    if (underWay === undefined) return;
    this.#requests.delete(id);
    for (let choice = 0; choice < choicesOf(underWay); choice++)
      this.#send({ id, choice }, this.lastFlush(underWay, choice));
    this.outputs.end(underWay.request);
    const { decode, lease, sequences, transfer } = underWay;
    const unplaced = this.#unplaced.indexOf(underWay);
    if (unplaced !== -1) this.#unplaced.splice(unplaced, 1);
    if (transfer) transfer.abort();
    else lease?.notify();
    for (const sequence of sequences) this.#worker.abort(sequence);
    if (decode && (transfer || lease)) this.#decoder?.abort(decode);
    this.#wake();
  }

  /** Empties the prefix cache and the host tier; returns the blocks that were in them. */
  flush(): Forgotten {
    return this.#worker.kv.flush();
  }

  /** Lets go of what a session has kept, under whatever adapter and salt. */
  closeSession(session: string): void {
    const { sessions } = this.#worker.kv;
    for (const name of [...sessions.turns.keys()].filter((one) => one.startsWith(`${session} of `)))
      sessions.close(name);
  }

  /** Lets time pass, and returns what happened since the last call, in order. */
  advanceTo(time: number): readonly LabEvent[] {
    for (let next = this.nextEventAt; next !== null && next <= time; next = this.nextEventAt) {
      this.#clock.step();
      // All that is due at this moment happens before anyone plans a step on it.
      if (this.nextEventAt !== next) this.#wake();
    }
    this.#clock.pass(time);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #refusal({ id, prompt, maxTokens, n = 1, embed = false, session }: LabRequest): string | null {
    const { contextTokens, window } = this.config;
    if (this.#requests.has(id)) return `a request ${id} is under way`;
    if (prompt.length === 0 || maxTokens < 1) return "the prompt is empty or no token is asked for";
    const foreign = Array.from(prompt).find((token) => !(token >= 0 && token < VOCABULARY_SIZE));
    if (foreign !== undefined) return `token ${foreign} is not in the vocabulary of ${VOCABULARY_SIZE}`;
    if (n > 1 && this.#decoder !== null) return "the lab gives one choice where prefill and decode are apart";
    if (session != null && this.#decoder !== null)
      return "the lab keeps no sessions where prefill and decode are apart";
    if (session != null && window !== null) return "the lab keeps no sessions beside a sliding window";
    if (embed && this.#decoder !== null) return "the lab embeds nothing where prefill and decode are apart";
    if (embed && n > 1) return "an embedding has one choice";
    const needed = prompt.length + maxTokens;
    return needed > contextTokens ? `${needed} tokens are more than the context of ${contextTokens}` : null;
  }

  #wake(): void {
    this.#placeNext();
    this.#worker.wake();
    this.#decoder?.wake();
  }

  /** Sets decode blocks aside for waiting requests, in order; only then they may prefill, or be read. */
  #placeNext(): void {
    const decoder = this.#decoder;
    if (decoder === null) return;
    while (this.#unplaced.length > 0) {
      const underWay = this.#unplaced[0]!;
      const { request, decode, lease } = underWay;
      if (decode === null || !decoder.reserve(decode)) return;
      this.#unplaced.shift();
      if (lease?.renew() === false) {
        this.refused(underWay);
        continue;
      }
      underWay.transfer = this.newTransfer({
        config: this.config,
        clock: this.#clock,
        from: this.#worker.kv,
        to: decoder.kv,
        destination: [...decode.blocks],
        lease,
        landed: (blocks) => this.#cacheEvent("transfer", blocks, request.id),
        acknowledged: () => this.transferred(underWay),
      });
      if (lease === null) this.#worker.submit(underWay.sequences[0]);
      else underWay.transfer.post(lease.blocks, lease.blocks.length);
    }
  }

  /** The lease was over before the prompt was read: the decode side computes it. */
  refused({ decode }: UnderWay): void {
    if (decode !== null) this.#decoder?.submit(decode);
  }

  #computed(sequence: Sequence): void {
    const underWay = this.#requests.get(sequence.id);
    if (!underWay) return;
    const { blocks, cached, computed, promptLength } = sequence;
    if (!underWay.counted) {
      underWay.counted = true;
      this.#counters.promptTokens += promptLength;
      this.#counters.promptTokensCached += cached ?? 0;
    }
    const whole = computed >= promptLength;
    if (whole) this.#fork(underWay);
    const { transfer } = underWay;
    if (!transfer) return;
    transfer.post(
      blocks,
      whole ? this.#worker.kv.blocksFor(promptLength) : Math.floor(computed / this.config.blockSize),
    );
  }

  /** The prompt is computed: its other choices begin, if they have not begun before. */
  #fork(underWay: UnderWay): void {
    const { request, sequences } = underWay;
    const { id, prompt, maxTokens, cache } = request;
    for (let choice = sequences.length; choice < choicesOf(underWay); choice++) {
      const sequence = new Sequence(id, prompt, prompt.length + maxTokens, cache, request, choice);
      sequences.push(sequence);
      this.#worker.fork(sequences[0], sequence);
    }
  }

  /** The prompt is computed and its first token known; its cells are still on their way, or wait to be read. */
  #prefilled(sequence: Sequence): void {
    const underWay = this.#requests.get(sequence.id);
    if (!underWay) return;
    underWay.firstToken = sequence.tokens.at(-1)!;
    if (this.config.transfer === "push") return;
    underWay.lease = this.newLease(sequence);
    this.#unplaced.push(underWay);
  }

  /** The decode side has the prompt's cells. Where it has read them, it draws the first token anew, as vLLM does. */
  transferred({ decode, firstToken, lease }: UnderWay): void {
    if (decode === null || firstToken === null) throw new Error("transferred before it was prefilled");
    if (lease !== null) {
      decode.computed = decode.promptLength - 1;
      this.#decoder!.submit(decode);
      return;
    }
    decode.computed = decode.promptLength;
    decode.tokens.push(firstToken);
    decode.grammar?.accept(firstToken);
    this.generated(decode, firstToken);
    if (decode.tokens.length < decode.limit) this.#decoder!.submit(decode);
    else {
      this.#decoder!.abort(decode);
      this.#finished(decode, "prefill");
    }
  }

  /** A token goes to its choice's stream. */
  generated(sequence: Sequence, token: number): void {
    this.#counters.generatedTokens++;
    const underWay = this.#requests.get(sequence.id);
    const outputs = underWay && this.outputs.of(underWay.request);
    const stream = outputs?.streams[sequence.choice];
    if (stream) this.#send({ id: outputs!.to, choice: sequence.choice }, stream.push(token));
  }

  /** An embedding goes to its client, who reads it as a token. */
  #pooled(sequence: Sequence, token: number | null): void {
    const { id } = sequence;
    const underWay = this.#requests.get(id);
    if (!underWay) return;
    if (token !== null) {
      this.#send(sequence, [token]);
      return;
    }
    this.#requests.delete(id);
    this.outputs.end(underWay.request);
    this.#events.push({ t: this.now, e: "failed", id, ...NO_TOKEN });
  }

  /** A choice has all its tokens. Its request has ended with the last one. */
  #finished(sequence: Sequence, place: string): void {
    const { id, choice } = sequence;
    const underWay = this.#requests.get(id);
    if (!underWay) return;
    const outputs = this.outputs.of(underWay.request);
    if (outputs) this.#send({ id: outputs.to, choice }, outputs.streams[choice]?.flush() ?? []);
    if (--underWay.open > 0) return;
    this.#requests.delete(id);
    this.outputs.end(underWay.request);
    this.#events.push({
      t: this.now,
      e: "finished",
      id,
      reason: "length",
      cached: underWay.sequences[0].cached ?? 0,
      place,
    });
  }

  newTransfer(options: TransferOptions): Transfer {
    const { lease } = options;
    return lease === null ? new Transfer(options) : new PullTransfer({ ...options, lease });
  }

  /** Holds a computed prompt for the decode side. */
  newLease({ blocks, promptLength }: Sequence): Lease {
    const { kv } = this.#worker;
    const prompt = blocks.slice(0, kv.blocksFor(promptLength));
    return new Lease({ config: this.config, clock: this.#clock, kv, blocks: prompt });
  }

  /** What a stream that is cut off still gets. */
  lastFlush({ request }: UnderWay, choice: number): readonly number[] {
    return this.outputs.of(request)?.streams[choice]?.flush() ?? [];
  }

  /** All tokens that were generated for a choice of a request under way. */
  streamed({ id, choice }: Pick<Sequence, "id" | "choice">): readonly number[] | undefined {
    const underWay = this.#requests.get(id);
    return underWay && this.outputs.of(underWay.request)?.streams[choice]?.tokens;
  }

  #send({ id, choice }: Pick<Sequence, "id" | "choice">, ids: readonly number[]): void {
    if (ids.length === 0) return;
    this.#events.push({ t: this.now, e: "tokens", id, ...(choice === 0 ? {} : { choice }), ids: [...ids] });
  }

  #cacheEvent(what: CacheEvent, blocks: readonly number[], id?: string): void {
    if (what === "move") this.#moves++;
    else this.#counters[COUNTER[what]]++;
    this.#events.push({ t: this.now, e: "cache", what, ...(id === undefined ? {} : { id }), blocks: [...blocks] });
  }
}

const choicesOf = ({ request: { n = 1 } }: UnderWay): number => n;
