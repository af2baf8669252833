/** What the pages of planted faults have in common: what a campaign found, and what it did not find in a clean engine. */

import { upperBoundOfZero } from "../../src/check/statistics.ts";
import type { Summary } from "../../src/report/summary.ts";
import { table } from "../table.ts";

export interface Planted {
  readonly fault: string;
  readonly summary: Summary;
}

/** Of the table that says what it took to find a fault: the cells that a summary tells. */
export const UNTIL_FOUND = ["class named", "law", "traces", "requests"];

export function untilFound({ findings, counts, error, verdict }: Summary): string[] {
  const [finding] = findings;
  return [
    finding?.class ?? `not found (${error?.message.split(/[;\n]/, 1)[0] ?? verdict})`,
    finding?.law ?? "",
    // An error ends the campaign before it counts its traces.
    counts.traces > 0 ? `${counts.traces}` : "",
    `${counts.requests}`,
  ];
}

const ARM_TITLES = ["serialised", "no-cache", "no-cancels", "fresh-server"];

export function findingSection(planted: readonly Planted[]): string {
  const found = planted.flatMap(({ fault, summary }) => summary.findings.slice(0, 1).map((f) => ({ fault, ...f })));
  return `## The finding

*Requests* and *cancels* are those of the reduced trace. *Confirmed*: the reduced trace broke the law in k of n runs on
fresh servers. The arms change one thing each, and tell what the fault needs.

${table(
  ["fault", "requests", "cancels", "runs of the reduction", "confirmed", ...ARM_TITLES],
  found.map(({ fault, requests, cancels, reductionRuns, confirmation, arms }) => {
    const arm = (name: string) => {
      const result = arms.find((a) => a.arm === name);
      return result ? `${result.failed}/${result.runs}` : "";
    };
    const confirmed = `${confirmation.failed}/${confirmation.runs}`;
    return [`\`${fault}\``, requests, cancels, reductionRuns, confirmed, ...ARM_TITLES.map(arm)];
  }),
)}

In Crosstalk's words:

${found.map(({ fault, explanation }) => `- \`${fault}\`: ${explanation}`).join("\n")}`;
}

/** @param took seconds of the campaign; null where nobody knows */
export function cleanText({ counts, findings, laws, verdict, error }: Summary, took: number | null): string {
  const { cells } = counts;
  const bound =
    findings.length === 0
      ? `0 of ${counts.finished} finished requests were wrong. With 95 % confidence at most ${percent(upperBoundOfZero(counts.finished))} of such requests are: that is the bound which 0 of n leaves, if requests are independent.`
      : `**${findings.length} findings: a false alarm, or a bug of the engine.** ${findings.map((f) => f.explanation).join(" ")}`;
  return `Verdict: **${verdict}**${error ? `, ended by: ${error.message}` : ""}${took === null ? "" : `, after ${seconds(took)} seconds`}.

${bound}

${table(
  [
    "traces",
    "requests",
    "finished",
    "cancels",
    "tokens",
    "prefix hit tokens",
    "cells held",
    "cells read",
    "read after a risky event",
    "cell reads",
  ],
  [
    [
      counts.traces,
      counts.requests,
      counts.finished,
      counts.cancels,
      counts.tokens,
      counts.prefixHitTokens,
      cells.held,
      cells.read,
      cells.readAfterRisk,
      counts.cellReads,
    ],
  ],
)}

${table(
  ["law", "status", "passed", "inconclusive", "failed"],
  laws.map((l) => [l.id, l.status, l.passed, l.inconclusive, l.failed]),
)}`;
}

export const seconds = (value: number | null): string => (value === null ? "" : value.toFixed(0));
const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;
