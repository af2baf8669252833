/** Generated traces that break a law in a lab with a planted fault. */

import fc from "fast-check";
import { allProperties } from "../../properties/index.ts";
import { explainWitness } from "../../src/check/explain.ts";
import type { TraceSize } from "../../src/check/finding.ts";
import type { Property } from "../../src/check/property.ts";
import { traceArbitrary } from "../../src/generate/generate.ts";
import { limitsOf, type TraceLimits } from "../../src/generate/limits.ts";
import { type Broken, brokenIn, runOnce, suspectsOf } from "../../src/investigate.ts";
import type { LabFault } from "../../src/lab/faults/index.ts";
import { labTarget } from "../../src/lab/target.ts";
import type { MinimizerOptions } from "../../src/minimize/minimizer.ts";
import { measure } from "../../src/minimize/order.ts";
import { formatTrace } from "../../src/trace/read.ts";
import type { Trace } from "../../src/trace/schema.ts";

export interface FailingTrace {
  readonly law: Property;
  readonly trace: Trace;
  readonly size: TraceSize;
  /** What else `crosstalk run` tells its minimiser. */
  readonly minimizer: Pick<MinimizerOptions, "blockSize" | "contextTokens" | "suspects">;
  /** It is what `arbitrary` gives for this seed: fast-check can generate it again, and shrink it. */
  readonly arbitrary: fc.Arbitrary<Trace>;
  readonly seed: number;
  /** Whether a trace breaks the same law. A lab is deterministic: the same answer each time. */
  readonly fails: (trace: Trace) => Promise<boolean>;
}

/** Seeds that are tried for each trace that is wanted. */
export const SEEDS = 400;

/** The first traces that fail, by seed: as many as are wanted, or fewer where the seeds end. */
export async function failingTraces(
  fault: LabFault,
  topology: "single" | "pd",
  wanted: number,
): Promise<readonly FailingTrace[]> {
  const lab = labTarget({ topology, fault, adapters: fault.adapters !== undefined, model: "symbols" });
  const description = await lab.start();
  const { blockSize, contextTokens } = description;
  const arbitrary = generated(limitsOf(description));
  const broken = async (trace: Trace): Promise<Broken | null> => {
    const run = await runOnce(lab, trace, "main");
    for (const law of allProperties.filter((one) => one.appliesTo(trace))) {
      const failed = brokenIn(law, run);
      if (failed !== null) return failed;
    }
    return null;
  };
  const found: FailingTrace[] = [];
  for (let seed = 0; seed < SEEDS * wanted && found.length < wanted; seed++) {
    const trace = fc.sample(arbitrary, { seed, numRuns: 1 })[0]!;
    const failed = await broken(trace);
    if (failed === null) continue;
    const { law } = failed;
    const suspects = suspectsOf(explainWitness(failed.run, failed.witness, blockSize));
    const known = new Map<string, boolean>();
    const fails = async (smaller: Trace) => {
      const text = formatTrace(smaller);
      const answer = known.get(text) ?? (await broken(smaller))?.law === law;
      known.set(text, answer);
      return answer;
    };
    const size = measure(trace);
    const minimizer = { blockSize, contextTokens, suspects };
    found.push({ law, trace, size, minimizer, arbitrary, seed, fails });
  }
  return found;
}

/** As campaigns draw them: without fast-check's bias to the ends of ranges. */
function generated(limits: TraceLimits): fc.Arbitrary<Trace> {
  return fc.noBias(traceArbitrary(limits));
}
