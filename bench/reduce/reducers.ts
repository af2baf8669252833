/** Three ways to reduce a failing trace: Crosstalk's, and what one would do with tools that exist. */

import fc from "fast-check";
import { createMinimizer } from "../../src/minimize/minimizer.ts";
import { type Trace, traceSchema } from "../../src/trace/schema.ts";
import type { FailingTrace } from "./failing.ts";

export interface Reducer {
  readonly name: string;
  /**
   * @param fails runs a trace once; throws `OutOfRuns` when the budget has ended
   * @param repeats runs that a candidate may take before it counts as one that does not fail
   * @param note is told of each smaller trace that failed
   */
  reduce(
    failing: FailingTrace,
    fails: (trace: Trace) => Promise<boolean>,
    repeats: number,
    note: (trace: Trace) => void,
  ): Promise<void>;
}

export class OutOfRuns extends Error {}

/** Fails within so many runs: what testers do about flaky candidates. */
async function failsWithin(runs: number, fails: (trace: Trace) => Promise<boolean>, trace: Trace): Promise<boolean> {
  for (let i = 0; i < runs; i++) if (await fails(trace)) return true;
  return false;
}

const crosstalk: Reducer = {
  name: "crosstalk",
  async reduce({ trace, minimizer: known }, fails, repeats, note) {
    const minimizer = createMinimizer(trace, { ...known, repeats, budget: Number.MAX_SAFE_INTEGER });
    for (let candidate = minimizer.next(); candidate !== null; candidate = minimizer.next()) {
      const outcomes: boolean[] = [];
      while (outcomes.length < candidate.runs && !outcomes.includes(true)) outcomes.push(await fails(candidate.trace));
      minimizer.observe(candidate, outcomes);
      note(minimizer.best);
    }
  },
};

/** Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002), over the steps of the trace. */
const deltaDebugging: Reducer = {
  name: "delta debugging",
  async reduce({ trace }, fails, repeats, note) {
    let steps = trace.steps;
    const smaller = async (kept: Trace["steps"]): Promise<boolean> => {
      const candidate = { ...trace, steps: kept };
      // A cancel without its request is no trace: unresolved, and not run.
      if (!traceSchema.safeParse(candidate).success || !(await failsWithin(repeats, fails, candidate))) return false;
      steps = kept;
      note(candidate);
      return true;
    };
    for (let parts = 2; steps.length > 1; ) {
      const size = Math.ceil(steps.length / parts);
      const starts = Array.from({ length: Math.ceil(steps.length / size) }, (_, i) => i * size);
      const before = steps;
      let reduced = false;
      for (const start of starts) {
        reduced = await smaller(before.slice(start, start + size));
        if (reduced) parts = 2;
        if (reduced) break;
      }
      for (const start of reduced || parts === 2 ? [] : starts) {
        reduced = await smaller([...before.slice(0, start), ...before.slice(start + size)]);
        if (reduced) parts = Math.max(2, parts - 1);
        if (reduced) break;
      }
      if (!reduced && parts >= steps.length) return;
      if (!reduced) parts = Math.min(steps.length, 2 * parts);
    }
  },
};

/** The shrinking of the arbitrary that generated the trace. */
const fastCheck: Reducer = {
  name: "fast-check",
  async reduce({ arbitrary, seed }, fails, repeats, note) {
    let ended: OutOfRuns | null = null;
    const property = fc.asyncProperty(arbitrary, async (trace) => {
      if (ended !== null) return;
      try {
        if (!(await failsWithin(repeats, fails, trace))) return;
      } catch (error) {
        if (!(error instanceof OutOfRuns)) throw error;
        ended = error;
        return;
      }
      note(trace);
      throw new Error("fails");
    });
    await fc.check(property, { seed, numRuns: 1 });
    if (ended !== null) throw ended;
  },
};

export const REDUCERS: readonly Reducer[] = [crosstalk, deltaDebugging, fastCheck];
