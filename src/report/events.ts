/** What `--events` writes: a run as it goes on, a JSON object a line. docs/events.md describes it. */

import { z } from "zod";
import type { CampaignEvent } from "../campaign.ts";
import { signatureOf } from "../check/signature.ts";
import { ARMS } from "../history/schema.ts";
import { countsSchema, summarySchema, targetSchema } from "./summary.ts";

export const EVENTS_VERSION = "crosstalk-events/1";

const count = z.int().nonnegative();
/** Milliseconds since the run began. */
const t = count;
const event = <Name extends string, Shape extends z.core.$ZodLooseShape>(e: Name, shape: Shape) =>
  z.strictObject({ e: z.literal(e), t, ...shape });

export const runEventSchema = z.discriminatedUnion("e", [
  /** The first line. */
  event("begin", { crosstalk: z.literal(EVENTS_VERSION), seed: count }),
  /** The target answers. */
  event("target", { target: targetSchema }),
  /** A trace ran; the counts are the campaign's until then. */
  event("ran", {
    trace: z.string(),
    verdicts: z.record(z.string(), z.enum(["pass", "inconclusive", "fail"])),
    counts: countsSchema,
  }),
  event("failure", { trace: z.string(), law: z.string(), reason: z.string() }),
  event("weighing", { failed: count, runs: count }),
  event("minimising", { runs: count, pass: z.string(), requests: count, cancels: count, promptTokens: count }),
  event("setting", { setting: z.string(), needed: z.boolean() }),
  event("confirming", { failed: count, runs: count }),
  event("arm", { arm: z.enum(ARMS), failed: count, runs: count }),
  event("unconfirmed", { law: z.string(), runs: count }),
  event("finding", { id: z.string(), law: z.string(), class: z.string(), signature: z.string(), known: z.boolean() }),
  event("recurred", { id: z.string(), signature: z.string(), times: count }),
  /** The last line. */
  event("summary", { summary: summarySchema }),
]);

export type RunEvent = z.infer<typeof runEventSchema>;
/** The same before it is known when. */
export type UntimedEvent = RunEvent extends infer One ? (One extends RunEvent ? Omit<One, "t"> : never) : never;

/** @param traces that ran until then, this one included */
export function toRunEvent(event: CampaignEvent, traces: number): UntimedEvent {
  switch (event.type) {
    case "ran": {
      const verdicts = Object.fromEntries([...event.verdicts].map(([law, { status }]) => [law, status]));
      return { e: "ran", trace: event.run.trace.name, verdicts, counts: { traces, ...event.total } };
    }
    case "failure":
      return {
        e: "failure",
        trace: event.failure.run.trace.name,
        law: event.failure.law.id,
        reason: event.verdict.reason,
      };
    case "minimising": {
      const { requests, cancels, promptTokens } = event.size;
      return { e: "minimising", runs: event.runs, pass: event.pass, requests, cancels, promptTokens };
    }
    case "setting":
      return { e: "setting", setting: event.setting, needed: event.needed };
    case "weighing":
    case "confirming":
      return { e: event.type, failed: event.failed, runs: event.runs };
    case "arm": {
      const { arm, rate } = event.result;
      return { e: "arm", arm, failed: rate.failed, runs: rate.runs };
    }
    case "unconfirmed":
      return { e: "unconfirmed", law: event.finding.law.id, runs: event.finding.confirmation.runs };
    case "finding": {
      const { anomaly, id, law } = event.finding;
      return {
        e: "finding",
        id,
        law: law.id,
        class: anomaly.class,
        signature: signatureOf(event.finding),
        known: event.known,
      };
    }
    case "recurred":
      return { e: "recurred", id: event.finding.id, signature: signatureOf(event.finding), times: event.times };
  }
}
