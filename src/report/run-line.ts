/** `runs.jsonl`: what each trace of a campaign did, a line each. It outlives histories that had to make room. */

import { z } from "zod";
import type { Coverage } from "../check/coverage.ts";
import type { Verdict } from "../check/verdict.ts";
import { parseJson } from "../parse-json.ts";
import { OPTIONS, optionsIn } from "../trace/options.ts";
import { isSend, type SendStep, type Trace } from "../trace/schema.ts";
import { countsSchema } from "./summary.ts";

const count = z.int().nonnegative();

export const runLineSchema = z.strictObject({
  /** The trace's name: a scenario's, or that of its seed. */
  trace: z.string(),
  verdicts: z.record(z.string(), z.enum(["pass", "inconclusive", "fail"])),
  counts: countsSchema.omit({ traces: true }),
  /** Requests that have each feature; of flushes and faults, steps. Those that no request has are left out. */
  features: z.record(z.string(), count),
});

export type RunLine = z.infer<typeof runLineSchema>;

const LATER_TURN = "later turn";
const CACHE_OFF = "cache off";

/** All that a trace may have, in the order of reports. */
export const FEATURES: readonly string[] = [
  ...["scan", "narrow", "find", "dice", LATER_TURN, "nonce", "branch", CACHE_OFF],
  ...OPTIONS,
  ...["flush", "fault"],
];

/** What a request has: how its prompt ends, what else is in it, and its options. */
function featuresOf(step: SendStep): string[] {
  const read = step.prompt.at(-1)!;
  const has = (name: "answer" | "nonce" | "branch") => step.prompt.some((part) => name in part);
  return [
    ...("read" in read ? [read.read] : []),
    ...(has("answer") ? [LATER_TURN] : []),
    ...(["nonce", "branch"] as const).filter(has),
    ...(step.cache === false ? [CACHE_OFF] : []),
    ...optionsIn(step),
  ];
}

export function runLine(trace: Trace, verdicts: ReadonlyMap<string, Verdict>, counts: Coverage): RunLine {
  const steps = trace.steps.flatMap((step) => {
    if (isSend(step)) return featuresOf(step);
    return (["flush", "fault"] as const).filter((name) => name in step);
  });
  const features = FEATURES.map((name) => [name, steps.filter((one) => one === name).length] as const);
  return {
    trace: trace.name,
    verdicts: Object.fromEntries([...verdicts].map(([law, { status }]) => [law, status])),
    counts,
    features: Object.fromEntries(features.filter(([, times]) => times > 0)),
  };
}

export const formatRunLine = (line: RunLine): string => `${JSON.stringify(line)}\n`;

/** @param source of `text`, for messages @throws CrosstalkError INVALID_SUMMARY, naming the line and the field */
export function parseRunLines(text: string, source: string): RunLine[] {
  const lines = text.split("\n");
  // A line is there once it ends.
  return lines.slice(0, -1).map((line, i) =>
    parseJson(line, runLineSchema, {
      source: `${source}, line ${i + 1}`,
      code: "INVALID_SUMMARY",
      hint: "docs/summary.md describes every field. It is written by `crosstalk run`, and not to be changed.",
    }),
  );
}
