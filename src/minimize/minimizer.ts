/** Reduction of a trace that may fail only sometimes, as a state machine: it runs nothing itself. */

import type { TraceSize } from "../check/finding.ts";
import { upperBoundOfZero } from "../check/statistics.ts";
import { type Trace, traceSchema } from "../trace/schema.ts";
import { beyondWindow } from "../trace/window.ts";
import { fillPool } from "./fill.ts";
import { compareKeys, measure, sortKey } from "./order.ts";
import { type NamedPass, type PassStep, passesFor } from "./passes.ts";
import { keepSuspects, withoutOneElement } from "./remove.ts";
import { resend } from "./resend.ts";
import { answer, type Question, silenceToRefuse, type Tally } from "./sequential-test.ts";
import { tidy } from "./tidy.ts";

/** A trace to run, and how often. */
export interface Candidate {
  readonly trace: Trace;
  /** Runs wanted now. The caller may stop at the first failure, and may run fewer: it is then asked for the rest. */
  readonly runs: number;
  /** Runs that it had since it was first asked for. */
  readonly ran: number;
  /** `calibrate`: how often does the original fail; `reduce`: a smaller trace; `check`: is the best more than luck. */
  readonly purpose: "calibrate" | "reduce" | "check";
  /** Name of the pass, for progress lines. */
  readonly pass: string;
  /** Of a smaller trace: how much smaller it is. */
  readonly step?: PassStep;
}

/** A candidate before it is known how often it is to be run. */
type Asked = Omit<Candidate, "runs" | "ran">;

export interface MinimizerOptions {
  /** Cells in a block of the target: prompts are cut at block edges first. Default: what the trace needs, or 1. */
  readonly blockSize?: number;
  /** The longest prompt and answer that the target takes: so long may requests get that stand for several. Default: what the trace needs. */
  readonly contextTokens?: number;
  /** Cells that the model's read layers see: what asks for others is not tried. Default: all. */
  readonly window?: number | null;
  /** Most runs that a candidate gets before it is rejected. 1 for a deterministic target; default 5. */
  readonly repeats?: number;
  /** Most runs in all. Default 300. */
  readonly budget?: number;
  /** Requests that the anomaly names: tried alone first. */
  readonly suspects?: readonly string[];
}

export interface Minimised {
  readonly trace: Trace;
  readonly from: TraceSize;
  readonly to: TraceSize;
  /** Runs spent, calibration and checks included. */
  readonly runs: number;
  /**
   * `unreproduced`: the original never failed again; the trace is then the original. `steady`: smaller traces failed
   * too, but less often than a repro should.
   */
  readonly ending: "minimal" | "budget" | "unreproduced" | "steady";
  /** What may be said of the trace, and no more. */
  readonly claim: string;
}

export interface Minimizer {
  /** The next trace to run, or null when there is nothing more to try. The same until it was observed. */
  next(): Candidate | null;
  /** Tells what became of the candidate's runs: true where the same failure happened again. */
  observe(candidate: Candidate, outcomes: readonly boolean[]): void;
  /** No more smaller traces: only the checks at the end are still to be run. */
  hurry(): void;
  /** The smallest trace seen to fail. */
  readonly best: Trace;
  readonly size: TraceSize;
  readonly runs: number;
  result(): Minimised;
}

/**
 * The part of the best trace's rate that is too little, how often a candidate with so little may be kept by chance, and how
 * often one that fails as often as the best trace may be refused by chance. Details are many, and each may cost a little of
 * the rate; a leap that was missed is tried again.
 */
const WEIGHED: Readonly<Record<PassStep, Omit<Question, "rate">>> = {
  leap: { share: 0.25, luck: 0.35, miss: 0.3 },
  coarse: { share: 0.25, luck: 0.35, miss: 0.05 },
  fine: { share: 0.5, luck: 0.2, miss: 0.05 },
};
/**
 * Runs of the last check; the rate that a repro must have in them, which is `share` of the original's or `often` at
 * most; the share of the highest rate that will do where none has that; the rate below which traces with more requests, and
 * the original, are tried.
 */
const STEADY = { runs: 10, share: 0.7, often: 0.4, enough: 0.6, seldom: 0.2, checks: 5 };
/** So many traces of each kind are tried where the original stays silent: what happened once may never happen again. */
const INSTEAD = 6;
/** What the best trace is asked after each pass, beside the rate that is wanted of it. */
const CHECKED: Omit<Question, "rate"> = { share: 0.25, luck: 0.25, miss: 0.05 };

export function createMinimizer(trace: Trace, options: MinimizerOptions = {}): Minimizer {
  const { repeats = 5, budget = 300, suspects = [], blockSize = trace.needs?.blockSize ?? 1, window = null } = options;
  const contextTokens = options.contextTokens ?? trace.needs?.contextTokens ?? 0;
  const deterministic = repeats === 1;
  let best = trace;
  let bestKey = sortKey(trace);
  let spent = 0;
  let ending: Minimised["ending"] | null = null;
  let hurried = false;
  /** The rate that a repro should have. */
  let wanted = STEADY.often;
  /** How often the original and its checked successors failed. */
  let rate: Tally = { failed: 0, runs: 0 };
  /** What the pass under way has accepted, in order, and before it all that led to the best. */
  let accepted: Trace[] = [];
  const trail: Trace[] = [];
  /** Runs without a failure, by candidate. It lives as long as the session with one target: never longer. */
  const refused = new Map<string, number>();

  const isValid = (candidate: Trace): boolean =>
    traceSchema.safeParse(candidate).success && (window === null || beyondWindow(candidate, window) === null);

  const take = (trace: Trace): void => {
    [best, bestKey] = [trace, sortKey(trace)];
  };

  /** What is asked of a candidate, with how often the best trace fails: never always, since no number of runs shows that. */
  const question = (step: PassStep): Question => ({ rate: (rate.failed + 0.5) / (rate.runs + 1), ...WEIGHED[step] });

  /** Runs after which silence means no: fewer where failures are frequent. */
  const patience = (): number =>
    deterministic ? 1 : Math.min(repeats, silenceToRefuse(question("coarse"), { failed: 0, runs: 0 }));
  /** Runs that passes may still use: the checks at the end are paid for beforehand. */
  const left = (): number =>
    (hurried ? 0 : budget - spent) - (deterministic ? 0 : patience() + STEADY.checks * STEADY.runs);

  /** Runs a candidate until it has failed and had `least` runs, or has had `most`. */
  function* ask(candidate: Asked, most: number, least = 1): Generator<Candidate, Tally, readonly boolean[]> {
    let tally: Tally = { failed: 0, runs: 0 };
    while (tally.runs < (tally.failed > 0 ? least : most)) {
      const outcomes = yield { ...candidate, runs: (tally.failed > 0 ? least : most) - tally.runs, ran: tally.runs };
      tally = { failed: tally.failed + outcomes.filter((o) => o).length, runs: tally.runs + outcomes.length };
    }
    return tally;
  }

  /** Runs a candidate until the question is answered, or `most` allows no more. */
  function* settle(
    candidate: Asked,
    asked: Question,
    most: (tally: Tally) => number,
  ): Generator<Candidate, Tally, readonly boolean[]> {
    let tally: Tally = { failed: 0, runs: 0 };
    while (answer(asked, tally) === "open" && most(tally) > 0)
      tally = sum(tally, yield* ask(candidate, Math.min(silenceToRefuse(asked, tally), most(tally))));
    return tally;
  }

  /**
   * One lucky failure is not enough: a repro that shows once in ten runs helps nobody if the original always did. A
   * candidate that has not failed within `repeats` runs is refused, whatever chance it leaves.
   */
  function* weigh(
    candidate: Asked & { readonly step: PassStep },
  ): Generator<Candidate, { readonly kept: boolean; readonly runs: number }, readonly boolean[]> {
    if (deterministic) {
      const { failed, runs } = yield* ask(candidate, 1);
      return { kept: failed > 0, runs };
    }
    const asked = question(candidate.step);
    const tally = yield* settle(candidate, asked, ({ failed, runs }) =>
      Math.min(left(), failed > 0 ? Number.POSITIVE_INFINITY : repeats - runs),
    );
    return { kept: answer(asked, tally) === "kept", runs: tally.runs };
  }

  /** Whether a candidate takes the place of the best. Null when the budget does not allow the question. */
  function* consider(
    candidate: Trace | null,
    { name, step }: NamedPass,
  ): Generator<Candidate, boolean | null, readonly boolean[]> {
    if (candidate === null) return false;
    const key = sortKey(candidate);
    if (compareKeys(key, bestKey) >= 0 || !isValid(candidate)) return false;
    // A flaky candidate gets a second chance in a later round, since silence may have been luck.
    const silent = refused.get(key.text) ?? 0;
    if (silent >= (deterministic ? 1 : 2 * patience())) return false;
    if (left() < patience()) return null;
    const tally = yield* weigh({ trace: candidate, purpose: "reduce", pass: name, step });
    if (!tally.kept) {
      refused.set(key.text, silent + tally.runs);
      return false;
    }
    [best, bestKey] = [candidate, key];
    accepted.push(candidate);
    return true;
  }

  /** Runs a pass to its end; false when the budget ended first. */
  function* runPass(named: NamedPass): Generator<Candidate, boolean, readonly boolean[]> {
    const pass = named.pass(best, blockSize);
    for (let next = pass.next(); !next.done; ) {
      const verdict = yield* consider(next.value, named);
      if (verdict === null) return false;
      next = pass.next(verdict);
    }
    return true;
  }

  /** Whether the best trace fails as often as a repro should. Nothing speaks against one for which no run is left. */
  function* isOften(pass: string): Generator<Candidate, boolean, readonly boolean[]> {
    const asked: Question = { rate: wanted, ...CHECKED };
    const tally = yield* settle({ trace: best, purpose: "check", pass }, asked, () => budget - spent);
    if (answer(asked, tally) === "refused") return false;
    rate = sum(rate, tally);
    return true;
  }

  /**
   * Of many candidates that seldom fail one may be accepted by luck, and all later ones would look clean beside it: what a
   * pass ends with must fail as often as a repro should. Where it does not, half of the pass is undone, then half of the
   * rest. What it began with may have come by luck, too: then earlier passes are undone.
   */
  function* check(pass: string): Generator<Candidate, void, readonly boolean[]> {
    for (let kept = accepted.length; kept > 0; kept = Math.floor(kept / 2)) {
      take(accepted[kept - 1]!);
      if (!deterministic && !(yield* isOften(pass))) continue;
      trail.push(...accepted.slice(0, kept));
      return;
    }
    for (let back = 0; accepted.length > 0; back = Math.max(1, 2 * back)) {
      trail.length = Math.max(1, trail.length - back);
      take(trail.at(-1)!);
      if (trail.length === 1 || (yield* isOften(pass))) return;
    }
  }

  /**
   * Small steps may each cost a little of the rate. Where they add up to much, the repro goes back along the trail to
   * the smallest trace that fails often enough, or nearly as often as the one that failed most. More requests are too
   * high a price for that, unless without them it hardly fails.
   * @returns whether it went back
   */
  function* steady(): Generator<Candidate, boolean, readonly boolean[]> {
    const shares = new Map<number, number>();
    function* shareOf(at: number): Generator<Candidate, number, readonly boolean[]> {
      const asked = { trace: trail[at]!, purpose: "check", pass: "steady" } as const;
      const { failed, runs } = yield* ask(asked, STEADY.runs, STEADY.runs);
      shares.set(at, failed / runs);
      return failed / runs;
    }
    const last = trail.length - 1;
    if (budget - spent < STEADY.runs || (yield* shareOf(last)) >= wanted) return false;
    const { requests } = measure(best);
    const hardly = () => wanted >= STEADY.seldom && Math.max(...shares.values()) < STEADY.seldom;
    let from = hardly() ? 1 : trail.findIndex((t) => measure(t).requests === requests);
    for (let to = last - 1; from <= to && budget - spent >= STEADY.runs; ) {
      const middle = Math.ceil((from + to) / 2);
      if ((yield* shareOf(middle)) >= wanted) from = middle + 1;
      else to = middle - 1;
    }
    const highest = Math.max(...shares.values());
    const enough = [...shares].filter(([, share]) => share >= STEADY.enough * highest).map(([at]) => at);
    take(trail[hardly() ? 0 : Math.max(...enough)]!);
    return best !== trail[last];
  }

  /**
   * Of an original that stays silent: the requests that the anomaly names, alone or beside one more, and then the small
   * traces that are made of them. They run in a fraction of its time, and with less beside them they fail more often, if
   * they do. Null if none of them failed.
   */
  function* smallInstead(original: Trace): Generator<Candidate, Trace | null, readonly boolean[]> {
    for (const trace of smallTraces(original, suspects, contextTokens)) {
      if (!isValid(trace)) continue;
      if (left() < repeats) return null;
      const tally = yield* ask({ trace, purpose: "reduce", pass: "small instead" }, repeats, repeats);
      if (tally.failed === 0) continue;
      rate = tally;
      return trace;
    }
    return null;
  }

  function* reduce(): Generator<Candidate, Minimised["ending"], readonly boolean[]> {
    const start = tidy(trace) ?? trace;
    // An original that stays silent gets three times the patience before it is given up.
    const most = Math.min(deterministic ? 1 : 3 * repeats, budget);
    rate = yield* ask({ trace: start, purpose: "calibrate", pass: "original" }, most, Math.min(repeats, budget));
    const begin = rate.failed > 0 ? start : yield* smallInstead(start);
    if (begin === null) return "unreproduced";
    wanted = Math.min(STEADY.often, STEADY.share * (rate.failed / rate.runs));
    take(begin);
    trail.push(begin);
    const ended = yield* runPasses();
    return !deterministic && (yield* steady()) ? "steady" : ended;
  }

  function* runPasses(): Generator<Candidate, "minimal" | "budget", readonly boolean[]> {
    const passes = passesFor(suspects, contextTokens);
    const coarse = passes.filter((pass) => pass.step !== "fine");
    const fine = passes.filter((pass) => pass.step === "fine");
    for (let before: Trace | null = null; before !== best; ) {
      before = best;
      // Requests first, until no more go: what chance has kept would cost each detail its runs.
      for (let start: Trace | null = null; start !== best; ) {
        start = best;
        if (!(yield* runEach(coarse))) return "budget";
      }
      if (!(yield* runEach(fine))) return "budget";
    }
    return "minimal";
  }

  /** False when the budget ended first. */
  function* runEach(passes: readonly NamedPass[]): Generator<Candidate, boolean, readonly boolean[]> {
    for (const pass of passes) {
      accepted = [];
      const whole = yield* runPass(pass);
      yield* check(pass.name);
      if (!whole) return false;
    }
    return true;
  }

  const search = reduce();
  let pending: Candidate | null = null;
  const advance = (step: IteratorResult<Candidate, Minimised["ending"]>): void => {
    pending = step.done ? null : step.value;
    if (step.done) ending = step.value;
  };
  advance(search.next());

  return {
    next: () => pending,
    observe(candidate, outcomes) {
      if (candidate !== pending) throw new Error("observe() takes the candidate that next() gave last");
      if (outcomes.length === 0) throw new Error("observe() needs the outcome of at least one run");
      spent += outcomes.length;
      advance(search.next(outcomes));
    },
    hurry() {
      hurried = true;
    },
    get best() {
      return best;
    },
    get size() {
      return measure(best);
    },
    get runs() {
      return spent;
    },
    result() {
      const end = ending ?? "budget";
      return {
        trace: best,
        from: measure(trace),
        to: measure(best),
        runs: spent,
        ending: end,
        claim: claimOf(best, end, { spent, hurried, deterministic }, (t) => refused.get(sortKey(t).text)),
      };
    },
  };
}

const sum = (a: Tally, b: Tally): Tally => ({ failed: a.failed + b.failed, runs: a.runs + b.runs });

/** What passes offer of a trace when they are refused everything. */
function* smallTraces(trace: Trace, suspects: readonly string[], contextTokens: number): Generator<Trace> {
  const [victim] = suspects;
  for (const pass of [
    keepSuspects(trace, suspects),
    resend(trace, victim, contextTokens),
    fillPool(trace, victim, contextTokens),
  ]) {
    for (let step = pass.next(), tried = 0; !step.done && tried < INSTEAD; step = pass.next(false), tried++)
      if (step.value !== null) yield step.value;
  }
}

function claimOf(
  best: Trace,
  ending: Minimised["ending"],
  { spent, hurried, deterministic }: { spent: number; hurried: boolean; deterministic: boolean },
  silentRuns: (trace: Trace) => number | undefined,
): string {
  if (ending === "unreproduced") return `the original did not fail again in ${spent} runs: nothing was removed`;
  if (ending === "steady") return `smaller traces failed too, but less often; ${spent} runs in all`;
  if (ending === "budget")
    return `the ${hurried ? "time" : "budget of runs"} ended after ${spent} runs: more might be removed`;
  const silent = withoutOneElement(best)
    .map(silentRuns)
    .filter((n) => n !== undefined);
  if (silent.length === 0) return `nothing is left to remove after ${spent} runs`;
  const runs = Math.min(...silent);
  const tried = `removing any one of its ${silent.length} removable elements did not fail within ${runs} ${runs === 1 ? "run" : "runs"}`;
  if (deterministic) return tried;
  return `${tried}, so that without it at most ${Math.ceil(100 * upperBoundOfZero(runs))} % of runs fail (95 % confidence)`;
}
