/** Requests that the client has named alike: an engine serves both rightly, or refuses the second while the first is there. */

import type { Outcome } from "../history/outcome.ts";
import { isSend } from "../trace/schema.ts";
import type { Run } from "./property.ts";

/** How a request ends that the engine would not take. */
const REFUSAL = /^(REFUSED|HTTP 4\d\d|STREAM( 4\d\d)?):/;
/** How late an engine may notice that a client has hung up, microseconds. */
const NOTICED = 5_000_000;

/** Whether a request was refused, and may have been: another one had its id, as far as the engine could know. */
export function refusedAsDuplicate(
  run: Run,
  { id, choices, error, sentAt, settledAt, status, tokens }: Outcome,
): boolean {
  const answered = tokens.length > 0 || choices.some((choice) => choice.tokens.length > 0);
  if (status !== "failed" || answered || !REFUSAL.test(error ?? "")) return false;
  const sends = run.trace.steps.filter(isSend);
  const requestId = sends.find(({ send }) => send === id)?.requestId;
  if (requestId === undefined) return false;
  return sends.some((step) => {
    const other = step.send === id || step.requestId !== requestId ? undefined : run.outcomes.get(step.send);
    if (other === undefined || other.sentAt > (settledAt ?? sentAt)) return false;
    const known = (other.settledAt ?? Number.POSITIVE_INFINITY) + (other.status === "cancelled" ? NOTICED : 0);
    return known > sentAt;
  });
}
