/** Locates what a scan found: runs the traces of `check/locate.ts` until a narrow read is wrong. */

import { explainWitness } from "./check/explain.ts";
import type { Anomaly } from "./check/finding.ts";
import { locatingTraces, notLocated, withLocation } from "./check/locate.ts";
import type { Failure } from "./investigate.ts";
import type { TargetDescription } from "./target/target.ts";
import type { Trace } from "./trace/schema.ts";
import { beyondWindow } from "./trace/window.ts";

/** On a server timing decides whether a trace fails: each is tried a few times. */
const ROUNDS_ON_A_SERVER = 3;

/**
 * The anomaly of a failure, located where it is a scan's and a narrow read pins it.
 * @param again runs a trace and gives the first wrong token of a narrow read; null if none is wrong
 */
export async function locatedAnomaly(
  description: TargetDescription,
  { run, witness }: Failure,
  again: (trace: Trace) => Promise<Failure | null>,
): Promise<Anomaly> {
  const { blockSize, kind } = description;
  const anomaly = explainWitness(run, witness, blockSize);
  const { window } = description.written.shape;
  const traces = locatingTraces(
    run,
    { ...witness, request: anomaly.request, index: anomaly.index },
    description,
  ).filter((trace) => window === null || beyondWindow(trace, window) === null);
  const rounds = kind === "lab" ? 1 : ROUNDS_ON_A_SERVER;
  for (let round = 0; round < rounds; round++) {
    for (const trace of traces) {
      const found = await again(trace);
      if (found) return withLocation(anomaly, explainWitness(found.run, found.witness, blockSize), blockSize);
    }
  }
  return traces.length === 0 ? anomaly : notLocated(anomaly, rounds * traces.length);
}
