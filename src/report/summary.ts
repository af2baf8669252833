/** The summary object that `--json` ends with. docs/summary.md describes it; the version changes when a field does. */

import { z } from "zod";
import { type Baseline, isExpired, notSeen } from "../baseline.ts";
import type { CampaignResult } from "../campaign.ts";
import { type Coverage, NO_COVERAGE } from "../check/coverage.ts";
import type { Finding } from "../check/finding.ts";
import { signatureOf } from "../check/signature.ts";
import { CrosstalkError } from "../errors.ts";
import { ARMS } from "../history/schema.ts";
import { parseJson } from "../parse-json.ts";
import type { TargetDescription } from "../target/target.ts";

export const SUMMARY_VERSION = "crosstalk-summary/2";

const count = z.int().nonnegative();
const status = z.enum(["pass", "known", "inconclusive", "fail"]);
const rate = { failed: count, runs: count, low: z.number(), high: z.number() };

/** An entry of the baseline. */
const known = { link: z.string(), expires: z.string(), note: z.string().nullable() };

const finding = z.strictObject({
  id: z.string(),
  /** What it is called in a baseline. */
  signature: z.string(),
  /** Its entry in the baseline; null for a new finding. An expired one fails again. */
  known: z.strictObject({ ...known, expired: z.boolean() }).nullable(),
  class: z.string(),
  law: z.string(),
  /** Size of the minimal trace. */
  requests: count,
  cancels: count,
  /** Runs that the reduction took. */
  reductionRuns: count,
  confirmation: z.strictObject({ ...rate, servers: count }),
  arms: z.array(z.strictObject({ arm: z.enum(ARMS), ...rate })),
  explanation: z.string(),
  /** Folder of the repro. */
  repro: z.string(),
});

export const targetSchema = z.strictObject({
  kind: z.enum(["lab", "container", "process", "url"]),
  engine: z.string(),
  version: z.string(),
  topology: z.enum(["single", "pd"]),
  fault: z.string().nullable(),
  model: z.string(),
});

export const countsSchema = z.strictObject({
  traces: count,
  requests: count,
  finished: count,
  cancels: count,
  tokens: count,
  prefixHitTokens: count,
  evictions: count,
  preemptions: count,
  loads: count,
  transfers: count,
  cells: z.strictObject({ held: count, read: count, readAfterRisk: count }),
  cellReads: count,
});

export const summarySchema = z.strictObject({
  crosstalk: z.literal(SUMMARY_VERSION),
  verdict: status,
  seed: count.nullable(),
  /** Null where the target could not be started. */
  target: targetSchema.nullable(),
  laws: z.array(
    z.strictObject({
      id: z.string(),
      status,
      passed: count,
      known: count,
      inconclusive: count,
      failed: count,
      reason: z.string(),
    }),
  ),
  findings: z.array(finding),
  /** Entries of the baseline for this engine that no finding matched. */
  notSeen: z.array(z.strictObject({ signature: z.string(), ...known })),
  counts: countsSchema,
  out: z.string().nullable(),
  /** Runs whose trace and history are not in `out`: the oldest without a finding, where the folder's limit was reached. */
  runsLeftOut: count,
  /** What kept the run from its end, if anything did. */
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});

export type Summary = z.infer<typeof summarySchema>;

/** @param source of `text`, for messages @throws CrosstalkError INVALID_SUMMARY, naming the field */
export function parseSummary(text: string, source: string): Summary {
  return parseJson(text, summarySchema, {
    source,
    code: "INVALID_SUMMARY",
    hint: "docs/summary.md describes every field. A campaign of another version is reported by that version.",
  });
}

/** A finding, and the folder that its repro was written to. */
export interface StoredFinding {
  readonly finding: Finding;
  readonly folder: string;
}

/** What the reports of a whole run are made of: `summary.findings` are those of `findings`, in the same order. */
export interface RunReport {
  readonly summary: Summary;
  readonly findings: readonly StoredFinding[];
}

export interface SummaryParts {
  readonly seed: number | null;
  readonly description: TargetDescription | null;
  readonly result: CampaignResult | null;
  /** Findings with their folders: also those that were stored before an error ended the run. */
  readonly findings: readonly StoredFinding[];
  readonly baseline: Baseline;
  /** The day that entries of the baseline expire by: `2026-11-29`, UTC. */
  readonly today: string;
  /** Of the traces that ran, where an error kept the campaign from its end. */
  readonly ran: { readonly traces: number; readonly coverage: Coverage; readonly lawBroken: boolean };
  readonly out: string | null;
  readonly runsLeftOut: number;
  readonly error: unknown;
}

/** Before anything ran. */
export const NOTHING_RAN: SummaryParts["ran"] = { traces: 0, coverage: NO_COVERAGE, lawBroken: false };

export function summarise(parts: SummaryParts): Summary {
  const { baseline, description, error, findings, result, today } = parts;
  const { traces, coverage, lawBroken } = parts.ran;
  return {
    crosstalk: SUMMARY_VERSION,
    verdict: lawBroken ? "fail" : (result?.status ?? "inconclusive"),
    seed: parts.seed,
    target: description && targetOf(description),
    laws: (result?.laws ?? []).map(({ law, status, passed, known, inconclusive, failed, reason }) => ({
      id: law.id,
      status,
      passed,
      known,
      inconclusive,
      failed,
      reason,
    })),
    findings: findings.map(({ finding: f, folder }) => ({
      id: f.id,
      signature: signatureOf(f),
      known: describeKnown(f, baseline, today),
      class: f.anomaly.class,
      law: f.law.id,
      requests: f.minimised.to.requests,
      cancels: f.minimised.to.cancels,
      reductionRuns: f.minimised.runs,
      confirmation: f.confirmation,
      arms: f.arms.map(({ arm, rate }) => ({ arm, ...rate })),
      explanation: f.anomaly.explanation,
      repro: folder,
    })),
    notSeen:
      description === null
        ? []
        : notSeen(
            baseline,
            description.engine.name,
            findings.map((f) => f.finding),
          ).map(({ note = null, ...entry }) => ({ ...entry, note })),
    counts: { traces, ...coverage },
    out: parts.out,
    runsLeftOut: parts.runsLeftOut,
    error: error === null ? null : describeError(error),
  };
}

/** What was tested, in a summary's words. */
export const targetOf = ({
  engine,
  fault,
  kind,
  model,
  topology,
}: TargetDescription): z.infer<typeof targetSchema> => ({
  kind,
  engine: engine.name,
  version: engine.version,
  topology,
  fault,
  model,
});

function describeKnown(finding: Finding, { known }: Baseline, today: string): Summary["findings"][number]["known"] {
  const entry = known.find(({ signature }) => signature === signatureOf(finding));
  if (entry === undefined) return null;
  const { link, expires, note = null } = entry;
  return { link, expires, note, expired: isExpired(entry, today) };
}

/** Whether a finding of the summary makes it fail: it is in no baseline, or its entry has expired. */
export const isNew = ({ known }: Summary["findings"][number]): boolean => known === null || known.expired;

function describeError(error: unknown): { code: string; message: string; hint: string } {
  if (error instanceof CrosstalkError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "UNEXPECTED", message: String(error), hint: "Please report it with this output." };
}
