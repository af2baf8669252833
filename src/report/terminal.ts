/** The last block that a person sees in the terminal when something broke. */

import type { Finding } from "../check/finding.ts";
import { armRows, plainTable, tokenRows } from "./tables.ts";
import { formatTimeline } from "./timeline.ts";
import {
  armConclusion,
  classText,
  count,
  formatConfirmation,
  formatSize,
  headline,
  isLeak,
  reproCommands,
  wrap,
} from "./wording.ts";

export type PaintStyle = "bad" | "strong" | "faint";
/** Colours a piece of text; the caller knows whether the terminal wants that. */
export type Paint = (style: PaintStyle, text: string) => string;

export interface TerminalOptions {
  readonly paint?: Paint;
  /** Width in characters. Default 100. */
  readonly width?: number;
  /** Folder that the repro was written to, for the commands of the last lines. */
  readonly folder: string;
}

/** Requests and rows in the short timeline. */
const COLUMNS = 4;
const ROWS = 24;
/** Rows of wrong tokens that are shown. */
const TOKENS = 6;

export function formatTerminal(finding: Finding, options: TerminalOptions): string {
  const { paint = (_, text) => text, width = 100, folder } = options;
  const { anomaly, minimised } = finding;
  const paragraph = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`);
  const conclusion = armConclusion(finding);
  const planted = finding.target.fault;
  const tokens = tokenRows(finding);
  const timeline = formatTimeline(finding, { requests: COLUMNS, rows: ROWS, width: width - 2 })
    .trimEnd()
    .split("\n");
  return `${[
    paint("bad", `FOUND ${classText(anomaly)}: ${headline(anomaly)}`),
    ...paragraph(anomaly.explanation),
    ...(planted === null ? [] : paragraph(`The fault "${planted}" was planted on purpose.`)),
    "",
    ...(tokens.length === 0
      ? []
      : [...plainTable([["token", "expected", "observed"], ...tokens.slice(0, TOKENS)]), ""]),
    ...timeline.map((line) => `  ${line.includes("✗") ? paint("bad", line) : line}`),
    "",
    ...plainTable(armRows(finding)),
    ...(conclusion === null ? [] : paragraph(conclusion)),
    "",
    `  Confirmed: ${formatConfirmation(finding)}`,
    paint("faint", `  Reduced:   ${formatSize(minimised.from)}`),
    paint("faint", `        to   ${formatSize(minimised.to)}, in ${count(minimised.runs, "run")}`),
    ...(isLeak(finding) && planted === null
      ? paragraph("A leak between users is a security bug: report it in private first.")
      : []),
    "",
    paint("strong", "Reproduce with:"),
    `  cd ${folder}`,
    ...reproCommands(finding).map((line) => `  ${line}`),
  ].join("\n")}\n`;
}
