/** Drives a pass by a rule, for tests. */

import { type Step, type Trace, traceSchema } from "../../trace/schema.ts";
import type { Pass } from "../search.ts";

/**
 * Every candidate that a pass offers, and where it ends. `holds` says which of them still fail.
 * @throws ZodError for a candidate that is no valid trace
 */
export function runPass(
  pass: Pass,
  holds: (trace: Trace) => boolean,
): { readonly offered: readonly Trace[]; readonly end: Trace } {
  const offered: Trace[] = [];
  let next = pass.next();
  while (!next.done) {
    if (next.value !== null) offered.push(traceSchema.parse(next.value));
    next = pass.next(next.value !== null && holds(next.value));
  }
  return { offered, end: next.value };
}

/** A request that scans a whole segment. */
export const scanOf = (send: string, at: number, seg: string, maxTokens: number): Step => ({
  at,
  send,
  prompt: [{ seg }, { read: "scan" }],
  maxTokens,
});
