/** Locates what a scan found: runs the traces of `check/locate.ts` until a narrow read is wrong. */

import { explainWitness } from "./check/explain.ts";
import type { Anomaly } from "./check/finding.ts";
import { locatingTraces, notLocated, withLocation } from "./check/locate.ts";
import type { Failure } from "./investigate.ts";
import type { TargetDescription } from "./target/target.ts";
import type { Trace } from "./trace/schema.ts";
import { beyondWindow } from "./trace/window.ts";

/**
 * The anomaly of a failure, located where it is a scan's and a narrow read pins it.
 * @param rounds tries of each trace
 * @param again runs a trace and gives the first wrong token of a narrow read; null if none is wrong
 */
export async function locatedAnomaly(
  description: TargetDescription,
  { run, witness }: Failure,
  rounds: number,
  again: (trace: Trace, choice: { readonly run: number }) => Promise<Failure | null>,
): Promise<Anomaly> {
  const { blockSize } = description;
  const anomaly = explainWitness(run, witness, blockSize);
  const { window } = description.written.shape;
  const traces = locatingTraces(
    run,
    { ...witness, request: anomaly.request, index: anomaly.index },
    description,
  ).filter((trace) => window === null || beyondWindow(trace, window) === null);
  for (let round = 1; round <= rounds; round++) {
    for (const trace of traces) {
      const found = await again(trace, { run: round });
      if (found) return withLocation(anomaly, explainWitness(found.run, found.witness, blockSize), blockSize);
    }
  }
  return traces.length === 0 ? anomaly : notLocated(anomaly, rounds * traces.length);
}
