/** What a tester without an oracle can do: compare answers under load with answers that came one at a time. */

import { z } from "zod";
import { rate } from "../../src/check/statistics.ts";
import type { Outcome } from "../../src/history/outcome.ts";

/** How an answer under load compares. `unanswered`: it failed or stayed open, or its reference did. */
export type Comparison = "same" | "differs" | "unanswered";

type Answer = Pick<Outcome, "status" | "tokens">;

/** A finished answer must be the reference's, a cancelled one its beginning. */
export function compare(answer: Answer, reference: Answer | undefined): Comparison {
  if (reference?.status !== "finished") return "unanswered";
  const { status, tokens } = answer;
  if (status !== "finished" && status !== "cancelled") return "unanswered";
  const whole = status === "cancelled" || tokens.length === reference.tokens.length;
  return whole && tokens.every((id, i) => id === reference.tokens[i]) ? "same" : "differs";
}

const count = z.int().nonnegative();

/** What comparing gave so far. */
export const tallySchema = z.strictObject({
  traces: count,
  /** Sent under load. The references are as many again. */
  requests: count,
  differ: count,
  unanswered: count,
  /** When the first difference was seen; null if there was none. Seconds have the references in them. */
  first: z.strictObject({ requests: count, seconds: z.number() }).nullable(),
  /** From the first request on. */
  seconds: z.number(),
});

export type Tally = z.infer<typeof tallySchema>;

export const NOTHING_COMPARED: Tally = { traces: 0, requests: 0, differ: 0, unanswered: 0, first: null, seconds: 0 };

/** One more trace: its comparisons in order of sending, made `seconds` after the first request of all. */
export function addTrace(before: Tally, comparisons: readonly Comparison[], seconds: number): Tally {
  const at = comparisons.indexOf("differs");
  return {
    traces: before.traces + 1,
    requests: before.requests + comparisons.length,
    differ: before.differ + comparisons.filter((c) => c === "differs").length,
    unanswered: before.unanswered + comparisons.filter((c) => c === "unanswered").length,
    first: before.first ?? (at < 0 ? null : { requests: before.requests + at + 1, seconds }),
    seconds,
  };
}

/**
 * Whether differences say that something is wrong with a server. Where a clean server shows none, one is enough; where it
 * shows some, the 95 % intervals of the two rates must not touch.
 */
export function isFound(tally: Tally, clean: Tally): boolean {
  if (clean.differ === 0) return tally.differ > 0;
  return rate(tally.differ, tally.requests).low > rate(clean.differ, clean.requests).high;
}
