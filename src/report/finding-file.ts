/**
 * `finding.json`: what a finding's reports need beside its trace, its history and the server's log, which have files of
 * their own. docs/summary.md describes it.
 */

import { z } from "zod";
import { ANOMALY_CLASSES, type Finding } from "../check/finding.ts";
import { CrosstalkError } from "../errors.ts";
import type { ParsedHistory } from "../history/jsonl.ts";
import { ARMS } from "../history/schema.ts";
import { parseJson } from "../parse-json.ts";
import { DIALECT_NAMES } from "../target/dialect.ts";
import { OPTIONS } from "../trace/option-names.ts";
import type { Trace } from "../trace/schema.ts";
import { ADAPTERS } from "../tracer/adapter.ts";
import { manifestSchema } from "../tracer/manifest.ts";

export const FINDING_VERSION = "crosstalk-finding/1";

const count = z.int().nonnegative();
const rate = z.strictObject({ failed: count, runs: count, low: z.number(), high: z.number() });
const size = z.strictObject({ requests: count, cancels: count, steps: count, promptTokens: count });
const reading = z.strictObject({
  class: z.enum(ANOMALY_CLASSES),
  origins: z.array(
    z.strictObject({
      request: z.string(),
      position: z.int(),
      place: z.string(),
      adapter: z.enum([...ADAPTERS, "base"]).exactOptional(),
    }),
  ),
});

const { dtype, format, shape } = manifestSchema.shape;

const target = z.strictObject({
  kind: z.enum(["lab", "container", "process", "url"]),
  engine: z.strictObject({ name: z.string(), version: z.string(), args: z.array(z.string()) }),
  topology: z.enum(["single", "pd"]),
  blockSize: count,
  poolCells: count,
  maxRunning: count,
  contextTokens: count,
  canFlush: z.boolean(),
  model: z.string(),
  written: z.strictObject({ shape, format, dtype }),
  dialect: z.enum(DIALECT_NAMES),
  isolation: z.enum(["flush", "restart", "none"]),
  startsInMs: z.number().nonnegative(),
  options: z.array(z.enum(OPTIONS)),
  arms: z.array(z.enum(ARMS)),
  startCommand: z.array(z.string()),
  fault: z.string().nullable(),
});

export const findingSchema = z.strictObject({
  crosstalk: z.literal(FINDING_VERSION),
  id: z.string(),
  law: z.strictObject({ id: z.string(), title: z.string(), law: z.string() }),
  anomaly: reading.extend({
    or: z.array(reading),
    request: z.string(),
    choice: z.int().min(1).exactOptional(),
    index: count.nullable(),
    expected: z.array(z.string()),
    observed: z.array(z.string()),
    position: z.int().nullable(),
    explanation: z.string(),
  }),
  target,
  confirmation: rate.extend({ servers: count }),
  arms: z.array(z.strictObject({ arm: z.enum(ARMS), rate })),
  settings: z.strictObject({ without: z.array(z.string()), needed: z.array(z.string()) }).exactOptional(),
  minimised: z.strictObject({ from: size, to: size, runs: count, claim: z.string() }),
  /** Events that its history has: one that was cut short later is told by them. */
  events: count,
});

export function formatFinding({ trace: _, history, log: __, ...said }: Finding): string {
  const { id, law, anomaly, target, confirmation, arms, settings, minimised } = said;
  const events = history.events.length;
  const tried = settings === undefined ? {} : { settings };
  const file = {
    crosstalk: FINDING_VERSION,
    id,
    law,
    anomaly,
    target,
    confirmation,
    arms,
    ...tried,
    minimised,
    events,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** What a finding's other files hold. */
export interface FindingParts extends ParsedHistory {
  readonly trace: Trace;
  readonly log: readonly string[];
}

/**
 * @param source of `text`, for messages
 * @throws CrosstalkError INVALID_FINDING; INVALID_HISTORY where the history is shorter than it was
 */
export function parseFinding(text: string, source: string, { history, log, trace, truncated }: FindingParts): Finding {
  const hint =
    "It is written by `crosstalk run`, and not to be changed. The folder's other files hold all that it says.";
  const file = parseJson(text, findingSchema, { source, code: "INVALID_FINDING", hint });
  const { crosstalk: _, events, ...said } = file;
  if (history.events.length >= events) return { ...said, trace, history, log };
  const where = truncated === null ? "" : `: ${truncated}`;
  throw new CrosstalkError(
    "INVALID_HISTORY",
    `the history beside ${source} is cut short, ${history.events.length} of ${events} events are there${where}`,
    "A report of it would show less than was found. What was written before still stands.",
  );
}
