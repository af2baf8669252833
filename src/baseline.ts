/** The baseline: failures that are known, each with a link and a day on which it stops being an excuse. docs/ci.md. */

import { z } from "zod";
import type { Finding } from "./check/finding.ts";
import { signatureOf } from "./check/signature.ts";
import { parseJson } from "./parse-json.ts";

export const BASELINE_VERSION = "crosstalk-baseline/1";

const entry = z.strictObject({
  /** As `signatureOf` gives it. */
  signature: z.string().regex(/^[^/]+\/[^/]+\/[^/]+\/[^/]+$/, "a signature has four parts: engine/law/class/needs"),
  link: z.url({ protocol: /^https?$/, error: "the link of the issue that tracks it, such as https://..." }),
  /** The last day on which it is excused, UTC. */
  expires: z.iso.date("a day such as 2027-01-31"),
  note: z.string().optional(),
});

export type KnownFailure = z.infer<typeof entry>;

export const baselineSchema = z
  .strictObject({ crosstalk: z.literal(BASELINE_VERSION), known: z.array(entry) })
  .superRefine(({ known }, context) => {
    const seen = new Set<string>();
    for (const [i, { signature }] of known.entries()) {
      if (seen.has(signature)) context.addIssue({ code: "custom", message: "stands twice", path: ["known", i] });
      seen.add(signature);
    }
  });

export type Baseline = z.infer<typeof baselineSchema>;

export const NO_BASELINE: Baseline = { crosstalk: BASELINE_VERSION, known: [] };

/** Reads a baseline. @throws CrosstalkError INVALID_BASELINE, naming the field */
export function parseBaseline(text: string, source: string): Baseline {
  return parseJson(text, baselineSchema, {
    source,
    code: "INVALID_BASELINE",
    hint: "docs/ci.md describes every field.",
  });
}

/** @param today `2026-11-29`, UTC */
export const isExpired = ({ expires }: KnownFailure, today: string): boolean => expires < today;

/** Signatures that are excused today. */
export function excused({ known }: Baseline, today: string): ReadonlySet<string> {
  return new Set(known.filter((one) => !isExpired(one, today)).map((one) => one.signature));
}

/** Entries for the engine that no finding matched. */
export function notSeen({ known }: Baseline, engine: string, findings: readonly Finding[]): readonly KnownFailure[] {
  const seen = new Set(findings.map(signatureOf));
  return known.filter(({ signature }) => signature.startsWith(`${engine}/`) && !seen.has(signature));
}

/** How long a new entry excuses its failure, in days. */
const EXCUSED_DAYS = 90;

/** The entry for a new finding, to be pasted into a baseline; its link is left to be filled in. */
export function baselineEntry(finding: Finding, today: string): string {
  const until = new Date(`${today}T00:00:00Z`);
  until.setUTCDate(until.getUTCDate() + EXCUSED_DAYS);
  const expires = until.toISOString().slice(0, 10);
  return JSON.stringify({ signature: signatureOf(finding), link: "LINK TO THE ISSUE", expires });
}
