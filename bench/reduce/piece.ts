/** The bench in pieces that need nothing of each other: one fault in one topology, by one reducer. */

import type { TraceSize } from "../../src/check/finding.ts";
import { labFault } from "../../src/lab/faults/index.ts";
import { failingTraces, SEEDS } from "./failing.ts";
import { REDUCERS } from "./reducers.ts";
import { MODES, type Reduced, reduceBy } from "./run.ts";

export interface Piece {
  readonly fault: string;
  readonly topology: "single" | "pd";
  /** How many failing traces to reduce. */
  readonly traces: number;
  /** Name of the reducer. */
  readonly by: string;
}

/** What becomes of a piece. */
export interface ReducedFault {
  readonly fault: string;
  readonly topology: "single" | "pd";
  readonly by: string;
  /** Traces that were tried for each that was wanted, at most. */
  readonly tried: number;
  /** Fewer than were wanted, where few fail. */
  readonly traces: readonly { readonly size: TraceSize; readonly modes: readonly Reduced[] }[];
}

export async function reduceFault({ fault, topology, traces, by }: Piece): Promise<ReducedFault> {
  const reducer = REDUCERS.find(({ name }) => name === by)!;
  const reduced: { size: TraceSize; modes: Reduced[] }[] = [];
  for (const failing of await failingTraces(labFault(fault)!, topology, traces)) {
    const modes: Reduced[] = [];
    for (const mode of MODES) modes.push(await reduceBy(reducer, failing, mode));
    reduced.push({ size: failing.size, modes });
  }
  return { fault, topology, by, tried: SEEDS, traces: reduced };
}
