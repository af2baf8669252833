/** Passes that make times round and delays short. */

import { type CancelStep, isCancel, type Step, type Trace } from "../trace/schema.ts";
import { lowerNumber, lowerTime, type Pass, removeItems } from "./search.ts";

/** Grids, in milliseconds, that all times are rounded down to at once; the coarsest that still fails wins. */
const GRIDS = [1000, 100, 10, 1];

/** Everything at once, then all times on a grid, then each gap between steps on its own. */
export function* roundTimes(trace: Trace): Pass {
  let best = trace;
  if (best.steps.some((s) => s.at > 0)) {
    const together = { ...best, steps: best.steps.map((s) => ({ ...s, at: 0 })) };
    if (yield together) return together;
  }
  for (const grid of GRIDS) {
    const candidate = { ...best, steps: best.steps.map((s) => ({ ...s, at: Math.floor(s.at / grid) * grid })) };
    if (yield candidate) {
      best = candidate;
      break;
    }
  }
  for (const i of best.steps.keys()) {
    best = yield* lowerTime(best, gapBefore(best, i), (t, ms) => withGap(t, i, ms));
  }
  return best;
}

/** Cancels that need no delay of their own lose it; the others wait for few tokens or a round time. */
export function* shortenDelays(trace: Trace): Pass {
  let best = yield* removeItems(
    trace,
    (t) => t.steps.filter(isCancel).filter((s) => s.afterMs !== undefined || s.afterTokens !== undefined),
    (t, gone) => changeSteps(t, (s) => (isCancel(s) && gone.includes(s) ? { at: s.at, cancel: s.cancel } : s)),
  );
  for (const [i, step] of best.steps.entries()) {
    const set = (change: Partial<CancelStep> | { forMs: number }) => (t: Trace) =>
      changeSteps(t, (s, j) => (j === i ? ({ ...s, ...change } as Step) : s));
    if (isCancel(step) && step.afterMs !== undefined)
      best = yield* lowerTime(best, step.afterMs, (t, afterMs) => set({ afterMs })(t));
    if (isCancel(step) && step.afterTokens !== undefined)
      best = yield* lowerNumber(best, step.afterTokens, 1, 1, (t, afterTokens) => set({ afterTokens })(t));
    if ("fault" in step && step.forMs !== undefined)
      best = yield* lowerTime(best, step.forMs, (t, forMs) => set({ forMs })(t));
  }
  return best;
}

function gapBefore(trace: Trace, index: number): number {
  return trace.steps[index]!.at - (trace.steps[index - 1]?.at ?? 0);
}

/** Changes the gap before one step; what follows keeps its distance from it. */
function withGap(trace: Trace, index: number, ms: number): Trace {
  const earlier = gapBefore(trace, index) - ms;
  return changeSteps(trace, (s, i) => (i < index ? s : { ...s, at: wholeMicros(s.at - earlier) }));
}

/** Times are kept to microseconds, so that differences of fractions stay short. */
function wholeMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function changeSteps(trace: Trace, change: (step: Step, index: number) => Step): Trace {
  return { ...trace, steps: trace.steps.map(change) };
}
