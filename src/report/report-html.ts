/** A finding as one page that needs no network and no script. */

import { diffArrays } from "diff";
import type { Anomaly, Finding } from "../check/finding.ts";
import { printTrace } from "../trace/print.ts";
import { blockMapSvg } from "./block-map.ts";
import { excerpt, isLong, namedRequests } from "./excerpt.ts";
import { code, escapeHtml, htmlPage, htmlTable, paragraph } from "./html.ts";
import { isCertain, placesThatFit } from "./places.ts";
import { runOverview } from "./run-overview.ts";
import { STRIPS_STYLE } from "./strips-svg.ts";
import { armRows, tokenRows } from "./tables.ts";
import { timelineRows } from "./timeline-rows.ts";
import { arrowTime, timelineSvg } from "./timeline-svg.ts";
import { armConclusion, classText, formatConfirmation, formatSize, headline, reproCommands } from "./wording.ts";

/** Rows of the timeline's table: those before the first wrong one and a few after it. */
const MOST_ROWS = 200;
const AFTER_WRONG = 8;
/** Rows before those, of the requests that the anomaly names. */
const MOST_EARLIER = 40;
/** Places that are listed for a class. */
const MOST_PLACES = 12;

const STYLE = `h3{font-size:1rem;margin:1.6rem 0 .4rem}ins,del{color:var(--fault)}
svg .mark{text-anchor:start}
.victim{color:var(--victim)}.owner{color:var(--owner)}.other{color:var(--other)}.segment,.prefill{fill:currentColor;fill-opacity:.15;stroke:currentColor}.answer{fill:none;stroke:currentColor;stroke-dasharray:3 2}.decode{fill:currentColor;fill-opacity:.45;stroke:currentColor}
.arrow{fill:none;stroke:var(--fault);stroke-width:2.5}.arrow.guess{stroke-dasharray:7 4}.head{fill:var(--fault)}`;

export function formatReportHtml(finding: Finding): string {
  const { anomaly, law, target, minimised } = finding;
  const title = `${target.engine.name} ${target.engine.version}: ${headline(anomaly)}`;
  const conclusion = armConclusion(finding);
  const fault = target.fault === null ? "" : paragraph(`The fault "${target.fault}" was planted on purpose.`);
  const long = isLong(finding.trace);
  const body = `<p class="class">${escapeHtml(classText(anomaly))}</p>
<h1>${escapeHtml(title)}</h1>
${paragraph(anomaly.explanation)}${paragraph(`The law that is broken: ${law.law}`)}${fault}
${long ? runOverview(finding) : ""}<h2>Timeline</h2>
<div class="box" tabindex="0" role="region" aria-label="Timeline, drawn">${timelineSvg(finding)}</div>
${paragraph("Left: each request's context, the prompt's segments and then the answer. Right: pale until the first token (queue and prefill), then decode.")}${arrowWords(finding)}
<details><summary>Timeline as a table</summary>${timelineTable(finding)}</details>${blockMap(finding)}
<h2>Expected and observed</h2>
${tokenDiff(finding)}
<h2>How often</h2>
${paragraph(`${formatConfirmation(finding)}. Intervals are Wilson's, 95 %.`)}
${htmlTable("Control arms", ["arm", "what it changes", "failed"], armRows(finding))}
${conclusion === null ? "" : paragraph(conclusion)}${metrics(finding)}
<h2>Steps</h2>
${steps(finding)}
${paragraph(`Reduced from ${formatSize(minimised.from)} to ${formatSize(minimised.to)} in ${minimised.runs} runs: ${minimised.claim}.`)}
<h2>Run it</h2>
${code(reproCommands(finding).join("\n"), "Commands")}`;
  return htmlPage(title, `${STYLE}\n${STRIPS_STYLE}`, body);
}

/** What the arrow claims, which is no more than the evidence does. */
function arrowWords(finding: Finding): string {
  if (arrowTime(finding) === null) return "";
  const { anomaly } = finding;
  const places = placesThatFit(anomaly);
  if (isCertain(anomaly)) return paragraph("The arrow leads from the wrong token to the cell that it lies in.");
  const place = places.length === 1 ? "the one place known to fit" : `the first of ${places.length} places that fit`;
  const words = `The arrow leads from the wrong token to ${place}. It is dashed because the evidence does not settle it: ${classText(anomaly)}.`;
  return paragraph(words) + (places.length === 1 ? "" : placesTable(anomaly));
}

/** Nothing where no block has changed hands. */
function blockMap(finding: Finding): string {
  const svg = blockMapSvg(finding);
  if (svg === null) return "";
  return `
<h3>Blocks over time</h3>
<div class="box" tabindex="0" role="region" aria-label="Blocks over time, drawn">${svg}</div>
${paragraph("Whose cells each block holds, from the transfer that wrote them to the next one into the same block. If there are many, those are drawn that several requests wrote. ✕: the wrong token.")}`;
}

function placesTable(anomaly: Anomaly): string {
  const rows = [anomaly, ...anomaly.or].map(({ class: kind, origins }) => {
    const shown = origins.slice(0, MOST_PLACES).map((o) => `${o.place} of ${o.request}`);
    const more = origins.length - shown.length;
    return [kind, `${shown.join(", ") || "none that is known"}${more > 0 ? ` and ${more} more` : ""}`];
  });
  return htmlTable("Places that fit", ["if it is a", "then it lies in"], rows);
}

/** What led to the first wrong row matters most, and what the named requests did before. */
function timelineTable(finding: Finding): string {
  const rows = timelineRows(finding);
  const wrong = rows.findIndex((row) => row.wrong);
  const to = Math.max(MOST_ROWS, wrong + 1 + AFTER_WRONG);
  const from = Math.max(0, to - MOST_ROWS);
  const named = namedRequests(finding);
  const earlier = rows.slice(0, from).filter(({ request }) => request !== null && named.has(request));
  const shown = [...earlier.slice(-MOST_EARLIER), ...rows.slice(from, to)];
  const lines = shown.map(({ t, request, lines, wrong: bad }) => {
    return [(t / 1000).toFixed(1), request ?? "server", `${bad ? "✗ " : ""}${lines.join(" ")}`];
  });
  return htmlTable(`Events: ${shown.length} of ${rows.length}`, ["ms", "request", "what happened"], lines);
}

/** The trace; of a long one the part around the finding. */
function steps({ trace, ...finding }: Finding): string {
  if (!isLong(trace)) return code(printTrace(trace), "Trace");
  const part = excerpt({ ...finding, trace });
  return `${paragraph(`${part.steps.length} of ${trace.steps.length} steps, those around the finding.`)}
${code(printTrace(part), "Part of the trace")}`;
}

function tokenDiff(finding: Finding): string {
  const { expected, observed } = finding.anomaly;
  const rows = tokenRows(finding);
  if (rows.length === 0) return paragraph("No token is wrong.");
  const parts = diffArrays([...expected], [...observed]).map(({ added, removed, value }) => {
    const text = escapeHtml(value.join(" "));
    if (added) return `<ins><span class="unseen">observed: </span>${text}</ins>`;
    return removed ? `<del><span class="unseen">expected: </span>${text}</del>` : text;
  });
  return `<p>${parts.join(" ")}</p>${htmlTable("Tokens", ["token", "expected", "observed"], rows)}`;
}

function metrics({ history }: Finding): string {
  const counters = history.events.flatMap((event) => (event.e === "metrics" ? Object.entries(event.counters) : []));
  if (counters.length === 0) return "";
  const rows = counters.map(([name, value]) => [name, String(value)]);
  return `<h2>Engine metrics</h2>${htmlTable("Counters over the run", ["counter", "change"], rows)}`;
}
