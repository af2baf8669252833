/** Small tables that several reports show. */

import type { Finding } from "../check/finding.ts";
import { ARM_CHANGES, formatRate } from "./wording.ts";

/** The trace itself and its control arms, a row each: name, what it changes, how often it failed. */
export function armRows(finding: Finding): readonly (readonly [string, string, string])[] {
  const { failed, runs, low, high } = finding.confirmation;
  const main = finding.arms.some((a) => a.arm === "main")
    ? []
    : [["main", ARM_CHANGES.main, formatRate({ failed, runs, low, high })] as const];
  return [...main, ...finding.arms.map((a) => [a.arm, ARM_CHANGES[a.arm], formatRate(a.rate)] as const)];
}

/** Expected against observed tokens from the first wrong one on: index, expected, observed. */
export function tokenRows(finding: Finding): readonly (readonly [string, string, string])[] {
  const { index, expected, observed } = finding.anomaly;
  const length = Math.max(expected.length, observed.length);
  return Array.from({ length }, (_, i) => [
    index === null ? "" : String(index + i),
    expected[i] ?? "",
    observed[i] ?? "",
  ]);
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => " --- |").join("")}`, ...rows.map(line)].join("\n");
}

/** Columns padded to their widest cell, two spaces apart. */
export function plainTable(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => `${indent}${row.map((c, i) => c.padEnd(widths[i]!)).join("  ")}`.trimEnd());
}
