/** One reduction, with its budget, of a failure that shows in a share of the runs. */

import type { TraceSize } from "../../src/check/finding.ts";
import { measure } from "../../src/minimize/order.ts";
import { seededRandom } from "../../src/random.ts";
import type { Trace } from "../../src/trace/schema.ts";
import type { FailingTrace } from "./failing.ts";
import { OutOfRuns, type Reducer } from "./reducers.ts";

export interface Mode {
  readonly name: string;
  /** Share of the runs in which the server has the fault at all: in the others the race is won. */
  readonly share: number;
  /** Runs that a candidate may take. */
  readonly repeats: number;
  /** Runs in all. */
  readonly budget: number;
  /** Runs in all while more than `FEW_ENOUGH` requests are left; default: no more. */
  readonly longer?: number;
}

/** What is aimed at where a failure shows seldom. */
export const FEW_ENOUGH = 6;

export const MODES: readonly Mode[] = [
  { name: "always", share: 1, repeats: 1, budget: 300 },
  { name: "in half of the runs", share: 0.5, repeats: 6, budget: 300 },
  { name: "in one run of ten", share: 0.1, repeats: 30, budget: 6_000, longer: 60_000 },
];

export interface Reduced {
  /** Name of the mode. */
  readonly mode: string;
  readonly to: TraceSize;
  /** Runs that were spent. */
  readonly runs: number;
  /** Whether it came to its end within the budget. */
  readonly whole: boolean;
}

/** The same seed for all reducers: the first runs of a mode are won and lost alike. */
const SEED = 7;

export async function reduceBy(reducer: Reducer, failing: FailingTrace, mode: Mode): Promise<Reduced> {
  const { longer = mode.budget } = mode;
  const random = seededRandom(SEED);
  let runs = 0;
  let best = failing.trace;
  const fails = async (trace: Trace): Promise<boolean> => {
    if (runs >= (measure(best).requests > FEW_ENOUGH ? longer : mode.budget)) throw new OutOfRuns();
    runs++;
    return (mode.share === 1 || random.next() < mode.share) && failing.fails(trace);
  };
  let whole = true;
  try {
    await reducer.reduce(failing, fails, mode.repeats, (trace) => {
      best = trace;
    });
  } catch (error) {
    if (!(error instanceof OutOfRuns)) throw error;
    whole = false;
  }
  return { mode: mode.name, to: measure(best), runs, whole };
}
