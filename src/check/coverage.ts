/**
 * What a set of runs looked at: the numbers a clean verdict rests on.
 *
 * A **cell** is one position of one request's context: its prompt, and each generated token that was fed back (all but
 * the last). A cell that two requests, or two choices of one, share counts for both: each of them must find it whole.
 */

import { answersIn, type Outcome } from "../history/outcome.ts";
import type { History } from "../history/schema.ts";
import type { ResolvedRequest } from "../trace/prompt.ts";
import { askedPosition } from "./context.ts";
import type { Run } from "./property.ts";

export interface CellCounts {
  /** Cells of the requests that generated at least one token or finished. */
  readonly held: number;
  /** Held cells that some token's answer depended on: the whole context for a scan or under a nonce, else the cell asked for. */
  readonly read: number;
  /**
   * Read cells with a risky event between the cell's presence and a token that read it. Risky is a cancel that landed
   * and every `cache` event: eviction, preemption, load, store, transfer, move. A cell is present
   * - from the run's start, where it came from the prefix cache (the first `cached` positions): any earlier event counts;
   * - from the request's sending, where the request computed it;
   * - from the token's arrival, where it holds a generated token.
   */
  readonly readAfterRisk: number;
}

export interface Coverage {
  /** Requests that were sent. */
  readonly requests: number;
  readonly finished: number;
  /** Cancels that landed: the request had not settled yet. */
  readonly cancels: number;
  /** Prompt tokens that the engine says came from its cache. */
  readonly prefixHitTokens: number;
  readonly evictions: number;
  readonly preemptions: number;
  readonly loads: number;
  readonly transfers: number;
  /** Generated tokens that arrived. */
  readonly tokens: number;
  readonly cells: CellCounts;
  /** Reads of cells, by all tokens: a scan of n cells that answers k tokens makes about n * k. */
  readonly cellReads: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Sums over runs. Time grows with events and tokens, not with cells. */
export function coverage(runs: Iterable<Run>): Coverage {
  const cells: Writable<CellCounts> = { held: 0, read: 0, readAfterRisk: 0 };
  const total: Writable<Coverage> = {
    requests: 0,
    finished: 0,
    cancels: 0,
    prefixHitTokens: 0,
    evictions: 0,
    preemptions: 0,
    loads: 0,
    transfers: 0,
    tokens: 0,
    cells,
    cellReads: 0,
  };
  for (const run of runs) {
    addCacheEvents(run.history, total);
    const risks = riskyTimes(run);
    for (const [id, outcome] of run.outcomes) {
      total.requests++;
      if (outcome.status === "finished") total.finished++;
      if (outcome.status === "cancelled") total.cancels++;
      total.prefixHitTokens += outcome.cached ?? 0;
      const request = run.requests.get(id);
      for (const answer of answersIn(outcome, request?.choices ?? 1)) {
        total.tokens += answer.tokens.length;
        if (!request || (answer.tokens.length === 0 && answer.status !== "finished")) continue;
        cells.held += request.prompt.length + Math.max(0, answer.tokens.length - 1);
        const seen = seenBy(request, answer, risks);
        cells.read += seen.read;
        cells.readAfterRisk += seen.readAfterRisk;
        total.cellReads += seen.reads;
      }
    }
  }
  return total;
}

const COUNTERS = {
  eviction: "evictions",
  preemption: "preemptions",
  load: "loads",
  transfer: "transfers",
} as const;

/** Counts `cache` events, one each; a run that has none counts by the engine's own counters. */
function addCacheEvents(history: History, total: Writable<Coverage>): void {
  const events = history.events.filter((event) => event.e === "cache");
  for (const { what } of events) {
    if (what !== "store" && what !== "move") total[COUNTERS[what]]++;
  }
  if (events.length > 0) return;
  for (const event of history.events) {
    if (event.e !== "metrics") continue;
    for (const counter of Object.values(COUNTERS)) total[counter] += event.counters[counter] ?? 0;
  }
}

/** Times of risky events in order, microseconds. */
function riskyTimes(run: Run): Float64Array {
  const times: number[] = [];
  for (const event of run.history.events) {
    if (event.e === "cache") times.push(event.t);
    else if (event.e === "cancelled" && run.outcomes.get(event.id)?.status === "cancelled") times.push(event.t);
  }
  return Float64Array.from(times).sort();
}

/** Whether a risky event lies in [from, to). An event of the very moment in which the token arrived says nothing. */
function riskWithin(risks: Float64Array, from: number, to: number): boolean {
  let low = 0;
  let high = risks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (risks[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low < risks.length && risks[low]! < to;
}

interface Seen {
  readonly read: number;
  readonly readAfterRisk: number;
  readonly reads: number;
}

const NOTHING: Seen = { read: 0, readAfterRisk: 0, reads: 0 };

/** A request that is held to a grammar answers right whatever its cells hold. */
function seenBy(request: ResolvedRequest, answer: Outcome, risks: Float64Array): Seen {
  if (request.grammar) return NOTHING;
  if (readsAll(request)) return scanned(request, answer, risks);
  return request.asked === null ? NOTHING : pointedAt(request, answer, risks);
}

/** A scan looks at every value; under a nonce every key of the context is tested by each token, whatever is asked. */
function readsAll(request: ResolvedRequest): boolean {
  return request.read === "scan" || request.nonce !== null;
}

/** Each token of a scan reads every cell before it, so the last token decides for all cells whether a risk came first. */
function scanned(request: ResolvedRequest, outcome: Outcome, risks: Float64Array): Seen {
  const { tokenTimes } = outcome;
  const last = tokenTimes.at(-1);
  if (last === undefined) return NOTHING;
  const prompt = request.prompt.length;
  const tokens = tokenTimes.length;
  const cached = Math.min(outcome.cached ?? 0, prompt);
  let readAfterRisk = 0;
  if (riskWithin(risks, 0, last)) readAfterRisk += cached;
  if (riskWithin(risks, outcome.sentAt, last)) readAfterRisk += prompt - cached;
  for (let i = 0; i < tokens - 1; i++) {
    if (riskWithin(risks, tokenTimes[i]!, last)) readAfterRisk++;
  }
  return { read: prompt + tokens - 1, readAfterRisk, reads: tokens * prompt + (tokens * (tokens - 1)) / 2 };
}

/** Token i of a narrow read reads one cell, i after the first; all tokens of a find read the same one. */
function pointedAt(request: ResolvedRequest, outcome: Outcome, risks: Float64Array): Seen {
  const reads = outcome.tokenTimes.length;
  const cells = new Map<number, boolean>();
  for (let i = 0; i < reads; i++) {
    const cell = askedPosition(request, i)!;
    const from = cell < (outcome.cached ?? 0) ? 0 : outcome.sentAt;
    cells.set(cell, cells.get(cell) || riskWithin(risks, from, outcome.tokenTimes[i]!));
  }
  return { read: cells.size, readAfterRisk: [...cells.values()].filter(Boolean).length, reads };
}

/** What no run at all looked at. */
export const NO_COVERAGE: Coverage = coverage([]);

export function addCoverage(a: Coverage, b: Coverage): Coverage {
  return {
    requests: a.requests + b.requests,
    finished: a.finished + b.finished,
    cancels: a.cancels + b.cancels,
    prefixHitTokens: a.prefixHitTokens + b.prefixHitTokens,
    evictions: a.evictions + b.evictions,
    preemptions: a.preemptions + b.preemptions,
    loads: a.loads + b.loads,
    transfers: a.transfers + b.transfers,
    tokens: a.tokens + b.tokens,
    cells: {
      held: a.cells.held + b.cells.held,
      read: a.cells.read + b.cells.read,
      readAfterRisk: a.cells.readAfterRisk + b.cells.readAfterRisk,
    },
    cellReads: a.cellReads + b.cellReads,
  };
}
