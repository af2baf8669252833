/** One worker: a pool of cells and the engine loop over it. Each step computes its batch layer by layer. */

import { Pass } from "../tracer/predict.ts";
import { BatchRows } from "./batch-rows.ts";
import type { VirtualClock } from "./clock.ts";
import { Compaction } from "./compaction.ts";
import type { LabConfig } from "./config.ts";
import { Drafter } from "./drafter.ts";
import { Fork } from "./fork.ts";
import { checkBookkeeping, checkReads } from "./invariants.ts";
import { KvCache, type KvCacheOptions, type ReportCacheEvent } from "./kv-cache.ts";
import { Pooler } from "./pooler.ts";
import { sampled } from "./sampler.ts";
import { type Chunk, Scheduler } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import { WatchedCells, type WatchedPass } from "./watched-cells.ts";

/** What a worker tells the engine, between two steps. */
export interface WorkerListener {
  /** More of a sequence's cells are computed: `sequence.computed` tells how many. */
  computed(sequence: Sequence): void;
  generated(sequence: Sequence, token: number): void;
  /** An embeddings request has its output; null: it stands for no token. */
  pooled(sequence: Sequence, token: number | null): void;
  /** So many draft tokens of a sequence were verified, and so many of them were right. */
  verified(proposed: number, accepted: number): void;
  /** The sequence has all its tokens; it still has its blocks. */
  completed(sequence: Sequence, row: number): void;
  cache: ReportCacheEvent;
}

export interface WorkerOptions extends KvCacheOptions {
  /** Blocks that are moved between two steps at most; 0: none. */
  readonly moves: number;
}

/** What a step computes of one sequence, as it was planned. */
interface PlannedEntry extends Chunk {
  /** Position of its first token. */
  readonly start: number;
  readonly slots: Int32Array;
  /** The same for layers with a sliding window. */
  readonly windowSlots: Int32Array;
  /** Guesses among its tokens, which it verifies: the last ones. */
  readonly drafts: readonly number[];
  /** Whether tokens follow it: a prompt's last chunk, and all that comes behind, has them. */
  readonly draws: boolean;
  /** Whether its last token is that of a prompt to embed. */
  readonly pools: boolean;
}

interface PlannedStep {
  readonly batch: readonly PlannedEntry[];
  /** When it can begin, if the step before it has ended. */
  readonly launchedAt: number;
}

/** One sequence of a step on its way through the layers. */
export interface BatchEntry extends PlannedEntry {
  /** One for what is known, and one for each draft: after each of them a token may be drawn. */
  readonly passes: readonly WatchedPass[];
}

/** What an answer is when the tracer cannot say: the unknown token. */
const UNDEFINED_TOKEN = 0;

export class Worker {
  readonly kv: KvCache;
  readonly rows: BatchRows;
  readonly scheduler: Scheduler;
  readonly forks: Fork;
  readonly pooler: Pooler;
  readonly #config: LabConfig;
  readonly #clock: VirtualClock;
  readonly #listener: WorkerListener;
  /** Null where nothing is drafted. */
  readonly drafter: Drafter | null;
  /** Null where blocks stay where they are. */
  readonly compaction: Compaction | null;
  /** Sequences that have blocks here and are computed elsewhere. */
  readonly #reserved = new Set<Sequence>();
  /** Requests to take out between two steps. */
  readonly aborting = new Set<Sequence>();
  #stepping = false;
  /** Planned while another is computed. */
  #next: PlannedStep | null = null;
  /** Requests that have left while the next step was planned with them. */
  readonly #leaving = new Set<Sequence>();

  constructor(config: LabConfig, options: WorkerOptions, clock: VirtualClock, listener: WorkerListener) {
    this.#config = config;
    this.#clock = clock;
    this.#listener = listener;
    const { blockSize, contextTokens, draftTokens, maxRunning, shape, stepTokens } = config;
    this.kv = new KvCache(config, options, clock, listener.cache);
    this.rows = new BatchRows(maxRunning, Math.ceil(contextTokens / blockSize), blockSize);
    this.drafter = draftTokens > 0 ? new Drafter(shape, this.kv.cells.slots) : null;
    const stores = this.drafter === null ? [this.kv.cells] : [this.kv.cells, this.drafter.cells];
    this.compaction =
      options.moves > 0 ? new Compaction(this.kv, this.rows, stores, options.moves, listener.cache) : null;
    this.forks = new Fork(this.kv);
    this.pooler = new Pooler(this.rows);
    this.scheduler = new Scheduler(this.kv, this.rows, stepTokens, listener.cache);
  }

  get running(): number {
    return this.scheduler.running.length;
  }

  get waiting(): number {
    return this.scheduler.waiting.length;
  }

  /** Sets blocks aside for a prompt whose cells will come from elsewhere; false if the pool is too full. */
  reserve(sequence: Sequence): boolean {
    // What was preempted takes free blocks first.
    if (this.scheduler.starved || !this.kv.grow(sequence, sequence.promptLength)) return false;
    this.#reserved.add(sequence);
    return true;
  }

  /** Queues a sequence, or one that was reserved and whose cells have come. */
  submit(sequence: Sequence): void {
    this.#reserved.delete(sequence);
    this.scheduler.enqueue(sequence);
  }

  /** Queues another choice of a request whose prompt is computed here. */
  fork(parent: Sequence, choice: Sequence): void {
    this.forks.fork(parent, choice);
    this.scheduler.enqueue(choice);
  }

  /** Takes a request out before the next step: a step under way ends with all its rows. */
  abort(sequence: Sequence): void {
    this.aborting.add(sequence);
    if (!this.#stepping) this.#takeOutAborted();
  }

  /** Begins a step if none is under way and there is something to compute; plans one ahead if it may. */
  wake(): void {
    if (!this.#stepping) this.#begin(this.#plan());
    if (this.#stepping && this.#config.asyncScheduling) this.#next ??= this.#plan();
  }

  /** All sequences that may have blocks here. */
  get #holders(): readonly Sequence[] {
    const { running, waiting } = this.scheduler;
    return [...running, ...waiting, ...this.#reserved, ...this.#leaving];
  }

  #plan(): PlannedStep | null {
    if (this.running + this.waiting === 0) return null;
    this.compaction?.compact(this.#holders);
    const chunks = this.scheduler.plan(this.#stepping);
    if (chunks.length === 0) return null;
    this.rows.updateTables();
    const launchedAt = this.#clock.now + this.#clock.taking(this.#config.costs.step);
    return { batch: chunks.map((chunk) => this.#planned(chunk)), launchedAt };
  }

  #planned({ sequence, tokens }: Chunk): PlannedEntry {
    const { awaited, scheduled: start } = sequence;
    const row = this.rows.rowOf(sequence);
    const slots = this.rows.slots(row, start + tokens);
    const windowSlots = this.kv.window ? this.rows.slots(row, start + tokens, this.rows.windowTables) : slots;
    const length = sequence.tokens.length + awaited;
    const drafts = sequence.drafts.slice(0, Math.max(0, start + tokens - length));
    const whole = start + tokens >= length;
    const draws = whole && !sequence.embed;
    sequence.underWay += tokens;
    if (draws) sequence.awaited++;
    return { sequence, tokens, start, slots, windowSlots, drafts, draws, pools: whole && sequence.embed };
  }

  #begin(step: PlannedStep | null): void {
    this.#stepping = step !== null;
    if (step === null) return;
    this.#clock.at(Math.max(this.#clock.now, step.launchedAt), "compute", () =>
      this.#computeLayer(
        step.batch.map((planned) => this.#entry(planned)),
        0,
      ),
    );
  }

  /** Only now, when the step before has ended, all its tokens are known. */
  #entry(planned: PlannedEntry): BatchEntry {
    const { sequence, start, tokens, slots, windowSlots, drafts } = planned;
    const known = tokens - drafts.length;
    const own = [...sequence.tokens, ...drafts];
    const passes = [this.inputs(sequence, start, known), ...drafts.map((draft) => [draft])].map((chunk, draft) => {
      const first = draft === 0 ? start : start + known + draft - 1;
      const pass = new Pass(this.kv.cells, slots, first, chunk, sequence.adapter, windowSlots);
      return {
        sequence,
        tokens: own,
        pass,
        start: first,
        slots: slots.subarray(0, first + chunk.length),
        windowSlots: windowSlots.subarray(0, first + chunk.length),
        reached: new Set<string>(),
      };
    });
    return { ...planned, passes };
  }

  /** The tokens that a chunk is computed from: what was planned as a placeholder is the step before's token by now. */
  inputs({ tokens }: Sequence, start: number, count: number): number[] {
    return tokens.slice(start, start + count);
  }

  /** The likeliest tokens of each chunk, after what is known and after each draft, in the batch's order. */
  answers(batch: readonly BatchEntry[]): number[][] {
    return batch.map(({ passes }) => passes.map((pass) => answerOf(pass) ?? UNDEFINED_TOKEN));
  }

  /** When all of a sequence's cells in a layer have come from the host, microseconds. */
  readyAt({ load }: Sequence, layer: number): number {
    return load?.readyAt[layer] ?? 0;
  }

  #computeLayer(batch: readonly BatchEntry[], layer: number): void {
    const { costs, checked, draftTokens, watch } = this.#config;
    const ready = Math.max(0, ...batch.map(({ sequence }) => this.readyAt(sequence, layer)));
    if (ready > this.#clock.now) {
      this.#clock.at(ready, "compute", () => this.#computeLayer(batch, layer));
      return;
    }
    if (checked) for (const entry of batch) checkReads(this.kv, entry, layer);
    const { cells } = this.kv;
    for (const watched of batch.flatMap(({ passes }) => passes)) {
      if (cells instanceof WatchedCells && watch !== null) cells.watch(watched, layer, this.#clock.now, watch);
      else watched.pass.layer(layer);
    }
    const last = layer + 1 === this.kv.cells.layers;
    const drafting = last ? draftTokens * costs.draft : 0;
    this.#clock.at(this.#clock.now + this.#clock.taking(costs.layer + drafting), "compute", () =>
      last ? this.endStep(batch) : this.#computeLayer(batch, layer + 1),
    );
  }

  endStep(batch: readonly BatchEntry[]): void {
    const completed: Sequence[] = [];
    const drawing = batch.filter(({ draws }) => draws);
    this.fillBitmasks(drawing.filter(({ sequence }) => this.rows.rowOf(sequence) !== -1));
    const answers = new Map(this.answers(drawing).map((likeliest, i) => [drawing[i]!, likeliest]));
    const present = batch.filter(({ sequence }) => this.rows.rowOf(sequence) !== -1);
    const pooled = this.pooler.pool(present, ({ passes }) => answerOf(passes[0]!));
    for (const entry of batch) {
      const { sequence, drafts } = entry;
      // It has left after this step was planned: its token is nobody's.
      if (this.rows.rowOf(sequence) === -1) continue;
      const generated = this.#verify(entry, answers.get(entry) ?? []);
      sequence.computed += entry.tokens;
      sequence.underWay -= entry.tokens;
      if (entry.draws) sequence.awaited--;
      this.takeBack(sequence, drafts.length - Math.max(0, generated.length - 1));
      this.kv.publish(sequence);
      this.#listener.computed(sequence);
      const embedding = pooled.get(entry);
      if (embedding !== undefined) {
        this.#listener.pooled(sequence, embedding.token);
        completed.push(sequence);
      }
      if (generated.length === 0) continue;
      if (this.#generate(sequence, generated)) completed.push(sequence);
      else this.#draft(sequence);
    }
    for (const sequence of this.#leaving) this.kv.leave(sequence);
    this.#leaving.clear();
    for (const sequence of completed) {
      this.aborting.delete(sequence);
      this.#listener.completed(sequence, this.rows.rowOf(sequence));
      this.scheduler.remove(sequence);
      this.free(sequence);
    }
    this.#takeOutAborted();
    if (this.#config.checked) checkBookkeeping(this.kv, this.#holders);
    const next = this.#next;
    this.#next = null;
    this.#begin(next);
  }

  /** Writes what the grammars of the rows that draw allow. Each goes ahead with the drafts, and is rolled back. */
  fillBitmasks(drawing: readonly BatchEntry[]): void {
    for (const { drafts, sequence } of drawing) {
      const { grammar } = sequence;
      const row = this.rowOfBitmask(sequence, drawing);
      if (grammar === null) {
        this.rows.setBitmask(row, null);
        continue;
      }
      const allowed = [grammar.allowed];
      for (const draft of drafts) {
        if (!grammar.accept(draft)) break;
        allowed.push(grammar.allowed);
      }
      this.rollBack(sequence, allowed.length - 1);
      this.rows.setBitmask(row, { owner: sequence, allowed });
    }
  }

  /** The row that gets a request's bitmask. */
  rowOfBitmask(sequence: Sequence, _drawing: readonly BatchEntry[]): number {
    return this.rows.rowOf(sequence);
  }

  rollBack({ grammar }: Sequence, drafts: number): void {
    grammar?.rollback(drafts);
  }

  /** The tokens that a chunk brings: its drafts as far as the target draws the same, and one more. */
  #verify({ sequence, drafts }: BatchEntry, likeliest: readonly number[]): number[] {
    if (likeliest.length === 0) return [];
    const row = this.rows.rowOf(sequence);
    const as = this.rows.sampledAs(row);
    if (as !== sequence) this.#config.watch?.missampled(sequence.id, as.id);
    const mask = this.rows.maskedAs(row);
    if (mask !== null && mask !== sequence) this.#config.watch?.missampled(sequence.id, mask.id);
    const bitmask = this.rows.bitmasks[row] ?? null;
    if (bitmask !== null && bitmask.owner !== sequence) this.#config.watch?.missampled(sequence.id, bitmask.owner.id);
    const drawn = likeliest.map((token, draft) => {
      const answer = () => [...sequence.tokens.slice(sequence.promptLength), ...drafts.slice(0, draft)];
      return sampled(token, as.sampling, answer, bitmask?.allowed[draft] ?? mask?.allowed ?? null);
    });
    const accepted = leadingMatches(drafts, drawn);
    if (drafts.length > 0) this.#listener.verified(drafts.length, accepted);
    return [...drafts.slice(0, accepted), drawn[accepted]!];
  }

  /** Cells of rejected drafts count as never computed: other tokens come in their places. */
  takeBack(sequence: Sequence, rejected: number): void {
    sequence.computed -= rejected;
  }

  /** Adds tokens to a sequence; true if it has all of them now. */
  #generate(sequence: Sequence, tokens: readonly number[]): boolean {
    const row = this.rows.rowOf(sequence);
    for (const token of tokens) {
      sequence.tokens.push(token);
      sequence.grammar?.accept(token);
      this.#listener.generated(sequence, token);
      // The scheduler's own limit stands beside the row's count: an answer is never longer than was asked.
      const spent = this.rows.countToken(row);
      if (spent || sequence.tokens.length >= sequence.limit) return true;
    }
    return false;
  }

  /** Guesses what follows a sequence, be it more than was asked for. */
  #draft(sequence: Sequence): void {
    if (this.drafter === null) return;
    const { contextTokens, draftTokens } = this.#config;
    const { length } = sequence.tokens;
    const count = Math.min(draftTokens, contextTokens - length - 1);
    const slots = this.rows.slots(this.rows.rowOf(sequence), length + count);
    sequence.drafts = this.drafter.propose(sequence, slots, count);
  }

  #takeOutAborted(): void {
    for (const sequence of this.aborting) {
      this.#reserved.delete(sequence);
      this.takeOut(sequence);
    }
    this.aborting.clear();
  }

  takeOut(sequence: Sequence): void {
    this.scheduler.remove(sequence);
    this.free(sequence);
  }

  /** Takes a sequence's blocks away: not before a step that was planned with it has written its cells. */
  free(sequence: Sequence): void {
    if (this.#next?.batch.some((entry) => entry.sequence === sequence)) this.#leaving.add(sequence);
    else this.kv.leave(sequence);
  }
}

/** The likeliest token behind a pass; null where the tracer cannot say. */
const answerOf = ({ pass }: WatchedPass): number | null => pass.answer().candidates[0] ?? null;

/** How many drafts hold: those before the first that is not what the target draws there. */
function leadingMatches(drafts: readonly number[], drawn: readonly number[]): number {
  const wrong = drafts.findIndex((draft, i) => draft !== drawn[i]);
  return wrong === -1 ? drafts.length : wrong;
}
