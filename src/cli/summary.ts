/** The summary object that `--json` ends with. docs/summary.md describes it; the version changes when a field does. */

import { z } from "zod";
import type { CampaignResult } from "../campaign.ts";
import { type Coverage, NO_COVERAGE } from "../check/coverage.ts";
import type { Finding } from "../check/finding.ts";
import { CrosstalkError } from "../errors.ts";
import { ARMS } from "../history/schema.ts";
import type { TargetDescription } from "../target/target.ts";

export const SUMMARY_VERSION = "crosstalk-summary/1";

const count = z.int().nonnegative();
const status = z.enum(["pass", "inconclusive", "fail"]);
const rate = { failed: count, runs: count, low: z.number(), high: z.number() };

const finding = z.strictObject({
  id: z.string(),
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

export const summarySchema = z.strictObject({
  crosstalk: z.literal(SUMMARY_VERSION),
  verdict: status,
  seed: count.nullable(),
  /** Null where the target could not be started. */
  target: z
    .strictObject({
      kind: z.enum(["lab", "container", "process", "url"]),
      engine: z.string(),
      version: z.string(),
      topology: z.enum(["single", "pd"]),
      fault: z.string().nullable(),
      model: z.string(),
    })
    .nullable(),
  laws: z.array(
    z.strictObject({ id: z.string(), status, passed: count, inconclusive: count, failed: count, reason: z.string() }),
  ),
  findings: z.array(finding),
  counts: z.strictObject({
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
  }),
  out: z.string().nullable(),
  /** What kept the run from its end, if anything did. */
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});

export type Summary = z.infer<typeof summarySchema>;

export interface SummaryParts {
  readonly seed: number | null;
  readonly description: TargetDescription | null;
  readonly result: CampaignResult | null;
  /** Findings with their folders: also those that were stored before an error ended the run. */
  readonly findings: readonly { readonly finding: Finding; readonly folder: string }[];
  /** Of the traces that ran, where an error kept the campaign from its end. */
  readonly ran: { readonly traces: number; readonly coverage: Coverage; readonly lawBroken: boolean };
  readonly out: string | null;
  readonly error: unknown;
}

/** Before anything ran. */
export const NOTHING_RAN: SummaryParts["ran"] = { traces: 0, coverage: NO_COVERAGE, lawBroken: false };

export function summarise(parts: SummaryParts): Summary {
  const { description, result, findings, error } = parts;
  const { traces, coverage, lawBroken } = parts.ran;
  return {
    crosstalk: SUMMARY_VERSION,
    verdict: lawBroken ? "fail" : (result?.status ?? "inconclusive"),
    seed: parts.seed,
    target: description && {
      kind: description.kind,
      engine: description.engine.name,
      version: description.engine.version,
      topology: description.topology,
      fault: description.fault,
      model: description.model,
    },
    laws: (result?.laws ?? []).map(({ law, status, passed, inconclusive, failed, reason }) => ({
      id: law.id,
      status,
      passed,
      inconclusive,
      failed,
      reason,
    })),
    findings: findings.map(({ finding: f, folder }) => ({
      id: f.id,
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
    counts: { traces, ...coverage },
    out: parts.out,
    error: error === null ? null : describeError(error),
  };
}

function describeError(error: unknown): { code: string; message: string; hint: string } {
  if (error instanceof CrosstalkError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "UNEXPECTED", message: String(error), hint: "Please report it with this output." };
}
