/** The timeline: a column for each request, time runs down. It survives copying into an issue. */

import type { Finding } from "../check/finding.ts";
import { isSend } from "../trace/schema.ts";
import { type TimelineRow, timelineRows } from "./timeline-rows.ts";
import { count, wrap } from "./wording.ts";

export interface TimelineOptions {
  /** Columns that are drawn; the requests that the anomaly names come first. Default 6. */
  readonly requests?: number;
  /** Width in characters. Default 120. */
  readonly width?: number;
  /** Rows that are drawn: those before the first wrong one and a few after it. Default 200. */
  readonly rows?: number;
}

const TIME_WIDTH = 10;
const COLUMN = { narrowest: 14, widest: 30 };
const AFTER_WRONG = 8;
/** Stands before what is wrong; a plain space keeps the other rows in line. */
const MARK = "✗ ";

export function formatTimeline(finding: Finding, options: TimelineOptions = {}): string {
  const { requests: most = 6, width = 120, rows: mostRows = 200 } = options;
  const columns = chosenRequests(finding, most);
  const hidden = finding.trace.steps.filter(isSend).length - columns.length;
  const cell = Math.max(
    COLUMN.narrowest,
    Math.min(COLUMN.widest, Math.floor((width - TIME_WIDTH) / columns.length) - 3),
  );
  const line = (cells: readonly string[], time = "") =>
    `${time.padStart(TIME_WIDTH)} │ ${cells.map((c) => c.padEnd(cell)).join(" │ ")}`.trimEnd();
  const lines = [
    line(columns, "ms"),
    `${"─".repeat(TIME_WIDTH + 1)}┼${columns.map(() => "─".repeat(cell + 2)).join("┼")}`,
  ];
  const shown = timelineRows(finding).filter((row) => row.request === null || columns.includes(row.request));
  const { from, to } = around(shown, mostRows);
  if (from > 0) lines.push(`${count(from, "earlier row")} not shown.`);
  for (const row of shown.slice(from, to)) {
    const time = (row.t / 1000).toFixed(1);
    const column = row.request === null ? -1 : columns.indexOf(row.request);
    if (row.request === null) {
      const across = columns.length * (cell + 3) - 3;
      lines.push(...textOf(row, across).map((text, i) => line([text.padEnd(across)], i === 0 ? time : "")));
    } else {
      for (const [i, text] of textOf(row, cell).entries()) {
        lines.push(
          line(
            columns.map((_, c) => (c === column ? text : "")),
            i === 0 ? time : "",
          ),
        );
      }
    }
  }
  if (to < shown.length) lines.push(`${count(shown.length - to, "later row")} not shown.`);
  if (hidden > 0) lines.push(`${count(hidden, "other request")} not shown.`);
  return `${lines.join("\n")}\n`;
}

/** The window of at most `most` rows that has the first wrong row near its end: what led to it matters most. */
function around(rows: readonly TimelineRow[], most: number): { from: number; to: number } {
  const wrong = rows.findIndex((row) => row.wrong);
  const to = wrong < 0 ? Math.min(rows.length, most) : Math.min(rows.length, Math.max(most, wrong + 1 + AFTER_WRONG));
  return { from: Math.max(0, to - most), to };
}

function textOf(row: TimelineRow, width: number): string[] {
  const room = width - MARK.length;
  const texts = row.lines.flatMap((text) => wrap(text, room));
  return texts.map((text, i) => (row.wrong && i === 0 ? `${MARK}${text}` : `  ${text}`));
}

/** In order of sending: those the anomaly names, then cancelled ones, then the others, as far as there is room. */
function chosenRequests(finding: Finding, most: number): string[] {
  const all = finding.trace.steps.filter(isSend).map((s) => s.send);
  const named = [finding.anomaly.request, ...finding.anomaly.origins.map((o) => o.request)];
  const cancelled = finding.trace.steps.flatMap((s) => ("cancel" in s ? [s.cancel] : []));
  const chosen = new Set([...named, ...cancelled, ...all].filter((id) => all.includes(id)));
  const first = new Set([...chosen].slice(0, most));
  return all.filter((id) => first.has(id));
}
