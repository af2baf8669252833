/** A finding as one page that needs no network and no script. */

import { diffArrays } from "diff";
import type { Finding } from "../check/finding.ts";
import { printTrace } from "../trace/print.ts";
import { escapeHtml, htmlTable } from "./html.ts";
import { armRows, tokenRows } from "./tables.ts";
import { timelineRows } from "./timeline-rows.ts";
import { timelineSvg } from "./timeline-svg.ts";
import { armConclusion, classText, formatConfirmation, formatSize, headline, reproCommands } from "./wording.ts";

/** Rows of the timeline's table: those before the first wrong one and a few after it. */
const MOST_ROWS = 200;
const AFTER_WRONG = 8;

const STYLE = `:root{color-scheme:light dark;--ink:#1d2329;--soft:#59636e;--paper:#fff;--line:#d5dae0;--fault:#b3261e;--victim:#0b62a8;--owner:#8a5a00;--other:#69737d}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#a3adb8;--paper:#14181d;--line:#39424c;--fault:#ff8a80;--victim:#74b9f5;--owner:#e5b04c;--other:#98a2ad}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:auto;padding:2rem 1rem}h1{line-height:1.2;margin:0}h2{margin:2.2rem 0 .6rem;font-size:1.15rem}p{max-width:44rem;overflow-wrap:anywhere}
.class{color:var(--fault);font-weight:600;margin:0}.box{overflow-x:auto}:focus-visible{outline:3px solid var(--victim);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem}caption{text-align:left;color:var(--soft)}th,td{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
pre{overflow-x:auto;padding:.8rem;border:1px solid var(--line)}ins,del{color:var(--fault)}
svg{display:block;min-width:44rem;width:100%}svg text{font-size:12px;fill:currentColor;text-anchor:middle}svg .name{text-anchor:start;font-weight:600}svg .axis{fill:var(--soft);text-anchor:start}svg .mark{text-anchor:start}svg .tick{text-anchor:middle}
.victim{color:var(--victim)}.owner{color:var(--owner)}.other{color:var(--other)}.segment,.prefill{fill:currentColor;fill-opacity:.15;stroke:currentColor}.answer{fill:none;stroke:currentColor;stroke-dasharray:3 2}.decode{fill:currentColor;fill-opacity:.45;stroke:currentColor}
.arrow{fill:none;stroke:var(--fault);stroke-width:2.5}.head{fill:var(--fault)}`;

export function formatReportHtml(finding: Finding): string {
  const { anomaly, law, target, minimised } = finding;
  const title = `${target.engine.name} ${target.engine.version}: ${headline(anomaly)}`;
  const conclusion = armConclusion(finding);
  const fault = target.fault === null ? "" : paragraph(`The fault "${target.fault}" was planted on purpose.`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>
<p class="class">${escapeHtml(classText(anomaly))}</p>
<h1>${escapeHtml(title)}</h1>
${paragraph(anomaly.explanation)}${paragraph(`The law that is broken: ${law.law}`)}${fault}
<h2>Timeline</h2>
<div class="box" tabindex="0" role="region" aria-label="Timeline, drawn">${timelineSvg(finding)}</div>
${paragraph("Left: each request's context, the prompt's segments and then the answer. Right: pale until the first token (queue and prefill), then decode. The arrow leads from the wrong token to the cell that it lies in.")}
<details><summary>Timeline as a table</summary>${timelineTable(finding)}</details>
<h2>Expected and observed</h2>
${tokenDiff(finding)}
<h2>How often</h2>
${paragraph(`${formatConfirmation(finding)}. Intervals are Wilson's, 95 %.`)}
${htmlTable("Control arms", ["arm", "what it changes", "failed"], armRows(finding))}
${conclusion === null ? "" : paragraph(conclusion)}${metrics(finding)}
<h2>Steps</h2>
${code(printTrace(finding.trace), "Trace")}
${paragraph(`Reduced from ${formatSize(minimised.from)} to ${formatSize(minimised.to)} in ${minimised.runs} runs: ${minimised.claim}.`)}
<h2>Run it</h2>
${code(reproCommands(finding).join("\n"), "Commands")}
</main></body></html>
`;
}

const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;

function code(text: string, label: string): string {
  return `<pre tabindex="0" role="region" aria-label="${label}">${escapeHtml(text)}</pre>`;
}

function timelineTable(finding: Finding): string {
  const rows = timelineRows(finding);
  const wrong = rows.findIndex((row) => row.wrong);
  const to = Math.max(MOST_ROWS, wrong + 1 + AFTER_WRONG);
  const shown = rows.slice(Math.max(0, to - MOST_ROWS), to).map(({ t, request, lines, wrong: bad }) => {
    return [(t / 1000).toFixed(1), request ?? "server", `${bad ? "✗ " : ""}${lines.join(" ")}`];
  });
  return htmlTable(`Events: ${shown.length} of ${rows.length}`, ["ms", "request", "what happened"], shown);
}

function tokenDiff(finding: Finding): string {
  const { expected, observed } = finding.anomaly;
  const rows = tokenRows(finding);
  if (rows.length === 0) return paragraph("No token is wrong.");
  const parts = diffArrays([...expected], [...observed]).map(({ added, removed, value }) => {
    const text = escapeHtml(value.join(" "));
    return added ? `<ins>${text}</ins>` : removed ? `<del>${text}</del>` : text;
  });
  return `<p>${parts.join(" ")}</p>${htmlTable("Tokens", ["token", "expected", "observed"], rows)}`;
}

function metrics({ history }: Finding): string {
  const counters = history.events.flatMap((event) => (event.e === "metrics" ? Object.entries(event.counters) : []));
  if (counters.length === 0) return "";
  const rows = counters.map(([name, value]) => [name, String(value)]);
  return `<h2>Engine metrics</h2>${htmlTable("Counters over the run", ["counter", "change"], rows)}`;
}
