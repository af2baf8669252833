/** A campaign as one page that needs no network and no script: what it came to, and what that rests on. */

import type { Coverage } from "../check/coverage.ts";
import { upperBoundOfZero } from "../check/statistics.ts";
import { countRows } from "./count-rows.ts";
import { featureRows, SCENARIO_HEAD, scenarioRows } from "./coverage-tables.ts";
import { code, escapeHtml, htmlLink, htmlPage, htmlTable, paragraph } from "./html.ts";
import type { RunLine } from "./run-line.ts";
import { STRIPS_STYLE, stripsSvg } from "./strips-svg.ts";
import { isNew, type RunReport, type Summary } from "./summary.ts";
import { type TraceColumn, traceColumns } from "./trace-columns.ts";
import { classText, count, formatConfirmation, formatSize, headline, knownText, VERDICTS } from "./wording.ts";

/** Columns of the drawing, and rows of its table. */
const MOST_COLUMNS = 120;

const STYLE = ".pass,.known{color:var(--victim)}.box+.box{margin-top:1.4rem}";

/** @param runs of the campaign, in order */
export function formatCampaignHtml(report: RunReport, runs: readonly RunLine[]): string {
  const { summary } = report;
  const { target, verdict } = summary;
  const engine = target === null ? "" : `${target.engine} ${target.version}: `;
  const title = `${engine}${verdictSentence(report)}`;
  const body = `<p class="class ${verdict}">${VERDICTS[verdict]}</p>
<h1>${escapeHtml(title)}</h1>
${tested(summary)}${failure(summary)}${findings(report)}${baseline(summary)}
<h2>What it rests on</h2>
${htmlTable("Counts", ["what", "how many"], [["traces", String(summary.counts.traces)], ...countRows(summary.counts)])}
${laws(summary)}${traces(runs)}${coverageTables(runs)}${kept(summary)}`;
  return htmlPage(title, `${STYLE}\n${STRIPS_STYLE}`, body);
}

/** What it came to. A law that did not break is no promise: the page says next what that rests on. */
function verdictSentence({ findings, summary }: RunReport): string {
  const { counts, error, laws, verdict } = summary;
  const where = `in ${count(counts.traces, "trace")}${summary.seed === null ? "" : ` of seed ${summary.seed}`}`;
  const fresh = findings.filter((_, i) => isNew(summary.findings[i]!));
  if (fresh.length > 0) {
    const more = fresh.length === 1 ? "" : `, and ${count(fresh.length - 1, "more finding")}`;
    return `${headline(fresh[0]!.finding.anomaly)}${more}, ${where}`;
  }
  if (verdict === "fail") return `a law broke ${where}, and what broke was not looked into`;
  if (error !== null) return `it could not be tested to the end, and no law broke ${where}`;
  if (verdict === "known") return `laws broke ${where} only in ways that the baseline knows`;
  if (verdict === "pass") return `no law broke ${where}`;
  const open = laws.filter(({ status }) => status === "inconclusive").map(({ id }) => id);
  return `no law broke ${where}, but too little was seen of ${open.join(", ") || "any law"} to call it clean`;
}

function tested({ target }: Summary): string {
  if (target === null) return "";
  const kind = target.topology === "pd" ? `${target.kind}, prefill and decode apart` : target.kind;
  const fault = target.fault === null ? "" : ` The fault "${target.fault}" was planted on purpose.`;
  return paragraph(`Tested: ${target.engine} ${target.version} (${kind}), tracer model ${target.model}.${fault}`);
}

function failure({ error }: Summary): string {
  return error === null
    ? ""
    : `<h2>What kept it from its end</h2>\n${code(`${error.message}\n${error.hint}`, "Error")}`;
}

const FINDING_HEAD = ["finding", "class", "what happened", "size", "failed"] as const;

function findings({ findings: found, summary }: RunReport): string {
  if (found.length === 0) return "";
  const rows = found.map(({ finding }, i) => {
    const { anomaly, id, minimised } = finding;
    const known = isNew(summary.findings[i]!) ? "" : " (known)";
    return [
      htmlLink(`findings/${id}/report.html`, id),
      `${classText(anomaly)}${known}`,
      anomaly.explanation,
      formatSize(minimised.to),
      formatConfirmation(finding),
    ];
  });
  return `<h2>Findings</h2>\n${htmlTable(`Findings: ${found.length}`, FINDING_HEAD, rows)}
${paragraph("Each has its own page. Sizes are of the reduced trace; intervals are Wilson's, 95 %.")}`;
}

function baseline({ findings: found, notSeen }: Summary): string {
  const lines = [
    ...found.filter(({ known }) => known !== null).map((one) => knownText(one)),
    ...notSeen.map(({ link, signature }) => `in the baseline, but not seen: ${signature}, ${link}`),
  ];
  if (lines.length === 0) return "";
  return `<h2>Known failures</h2>\n<ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join("")}</ul>\n`;
}

function laws({ laws: judged }: Summary): string {
  if (judged.length === 0) return "";
  const rows = judged.map((law) => {
    const { failed, id, inconclusive, known, passed, reason, status } = law;
    const clean = failed + known === 0 && passed > 0;
    const bound = clean ? `${(100 * upperBoundOfZero(passed)).toFixed(1)} %` : "";
    return [id, status, ...[passed, failed, known, inconclusive].map(String), bound, reason];
  });
  const head = ["law", "verdict", "passed", "failed", "known", "inconclusive", "at most", "in the last such trace"];
  return `${htmlTable("Laws, and the traces in which each was checked", head, rows)}
${paragraph("Passed are traces in which the law could have failed. At most: the share of such traces that may break it all the same, with 95 % confidence; it says nothing of traffic that is not like them.")}`;
}

const STRIPS: readonly (readonly [name: string, of: (counts: Coverage) => number])[] = [
  ["requests", (c) => c.requests],
  ["cancels", (c) => c.cancels],
  ["prefix hit tokens", (c) => c.prefixHitTokens],
  ["evictions", (c) => c.evictions],
  ["preemptions", (c) => c.preemptions],
  ["read after risk", (c) => c.cells.readAfterRisk],
];

function traces(runs: readonly RunLine[]): string {
  if (runs.length === 0) return "";
  const columns = traceColumns(runs, MOST_COLUMNS);
  const each = columns[0]!.to;
  const strips = STRIPS.map(([name, of]) => {
    const values = columns.map(({ counts }) => of(counts));
    const total = values.reduce((sum, value) => sum + value, 0);
    return { name, values, about: `${total} in all, ${Math.min(...values)} to ${Math.max(...values)} a column` };
  });
  const broken = columns.flatMap((column, i) =>
    column.broken.length === 0 ? [] : [[i, `${traceText(column)}: broke ${column.broken.join(", ")}`] as const],
  );
  const title = "Traces in the order in which they ran";
  const axis = `trace; a column is ${count(each, "trace")}`;
  const domain = [0.5, columns.length * each + 0.5] as const;
  const rows = columns.map(({ broken: laws, ...column }) => [
    traceText(column),
    ...STRIPS.map(([, of]) => String(of(column.counts))),
    laws.length === 0 ? "" : `✕ ${laws.join(", ")}`,
  ]);
  const head = ["traces", ...STRIPS.map(([name]) => name), "broken"];
  return `<h2>Traces</h2>
<div class="box" tabindex="0" role="region" aria-label="Traces, drawn">${stripsSvg({ title, axis, domain, strips, broken: new Map(broken) })}</div>
${paragraph(`${title}. ✕ and a dashed line: a law broke. Read after risk: cells with a cancel or a cache event between being there and being read.`)}
<details><summary>Traces as a table</summary>${htmlTable(title, head, rows)}</details>
`;
}

const traceText = ({ from, name, to }: Pick<TraceColumn, "from" | "name" | "to">): string =>
  from === to ? `${from}, ${name}` : `${from} to ${to}`;

function coverageTables(runs: readonly RunLine[]): string {
  if (runs.length === 0) return "";
  const { rows, unused } = featureRows(runs);
  const never = unused.length === 0 ? "" : paragraph(`Not in any request: ${unused.join(", ")}.`);
  return `<h2>Coverage</h2>
${htmlTable("By scenario", SCENARIO_HEAD, scenarioRows(runs))}
${htmlTable("By feature", ["feature", "requests", "traces"], rows)}
${paragraph("Of requests: the read that ends the prompt, what else is in it, and the options asked for. Flushes and faults are steps.")}${never}`;
}

function kept({ out, runsLeftOut }: Summary): string {
  if (out === null) return "";
  const less = runsLeftOut === 0 ? "" : `, less ${count(runsLeftOut, "clean run")}, the oldest, which had to make room`;
  return paragraph(`Traces, histories and findings lie beside this page${less}.`);
}
