/** The issue for the engine's maintainers, and the private advisory that comes before it. */

import type { CellOrigin, Finding } from "../check/finding.ts";
import { printTrace } from "../trace/print.ts";
import { isSend } from "../trace/schema.ts";
import { armRows, markdownTable, tokenRows } from "./tables.ts";
import { formatTimeline } from "./timeline.ts";
import { armConclusion, count, formatConfirmation, formatSize, headline, isLeak, reproCommands } from "./wording.ts";

/** Markdown in the form that upstream maintainers ask for: what, where, how often, what rules other causes out, how to run it. */
export function formatIssue(finding: Finding): string {
  return document([`# ${title(finding)}`, ...(isLeak(finding) ? [PRIVATE_FIRST] : []), ...details(finding)]);
}

/** The same facts for a project's security address. Null for findings in which no one's data reaches another. */
export function formatAdvisory(finding: Finding): string | null {
  if (!isLeak(finding)) return null;
  const { engine } = finding.target;
  const [what, law, ...rest] = details(finding);
  return document([
    `# Security: ${title(finding)}`,
    what!,
    law!,
    heading(
      "Impact",
      threwDice(finding) || finding.anomaly.class === "leaked parameter" ? IMPACT_OF_PARAMETERS : IMPACT,
    ),
    heading("Affected", `${engine.name} ${engine.version} with the arguments below. Other versions were not tried.`),
    ...rest,
  ]);
}

const IMPACT =
  "An answer to one user is computed from the cached attention state of another user's request. With a trained model, words of the other user's prompt or answer can appear in it. No special access is needed: the requests below are ordinary ones.";

const IMPACT_OF_PARAMETERS =
  "An answer to one user is sampled with another user's parameters: temperature, penalties, banned or allowed tokens, grammars. They change what the first user gets, and show what the other one asked for. No special access is needed: the requests below are ordinary ones.";

function threwDice({ trace, anomaly }: Finding): boolean {
  const read = trace.steps
    .filter(isSend)
    .find((s) => s.send === anomaly.request)
    ?.prompt.at(-1);
  return read !== undefined && "read" in read && read.read === "dice";
}

function details(finding: Finding): string[] {
  const { anomaly, law } = finding;
  return [
    `**${capital(headline(anomaly))}.** ${anomaly.explanation}`,
    `The law that is broken: *${law.law}*`,
    heading("Environment", environment(finding)),
    heading("Expected and observed", answer(finding)),
    heading("Steps", steps(finding)),
    heading("How often", howOften(finding)),
    heading("Timeline", timeline(finding)),
    heading("Run it", runIt(finding)),
    threwDice(finding) ? WHY_EXACT_DICE : WHY_EXACT,
  ];
}

function document(sections: readonly string[]): string {
  return `${sections.join("\n\n")}\n`;
}

function title(finding: Finding): string {
  const { engine } = finding.target;
  return `${engine.name} ${engine.version}: ${headline(finding.anomaly)}`;
}

const MOST_ORIGINS = 4;

const PRIVATE_FIRST = [
  "> **Report this in private first.** One user's tokens can reach another user: that is a security bug. Use the",
  "> project's security advisory form or its security address, and open a public issue when the maintainers agree.",
].join("\n");

const WHY_EXACT = [
  "The model is a small Llama whose weights are computed, not trained: its greedy answer spells out the KV cells that it",
  "read, one token a cell. The right answer follows from the prompt alone, and no other token comes within 25 nats of it",
  "(`write_model.py` is the whole model). So a wrong token is a wrong cell, not rounding, batch order or sampling.",
].join("\n");

const WHY_EXACT_DICE = [
  "The model is a small Llama whose weights are computed, not trained: behind a dice token its logits are a known ladder,",
  "the first rungs half a nat apart, in every number format, whatever the KV cells hold (`write_model.py` is the whole",
  "model). The right answer follows from the request's own sampling parameters alone. So a wrong rung is another",
  "parameter, or another row, and not rounding or batch order.",
].join("\n");

function environment(finding: Finding): string {
  const { engine, topology, kind, fault } = finding.target;
  const lines = [
    `- Engine: ${engine.name} ${engine.version}`,
    `- Arguments: ${engine.args.length > 0 ? `\`${engine.args.join(" ")}\`` : "none"}`,
    `- Topology: ${topology === "pd" ? "prefill and decode apart" : "one server"} (${kind})`,
    `- Machine: ${finding.history.header.machine}`,
    `- Model: Crosstalk's tracer, sha256 \`${finding.target.model}\``,
    ...(fault === null
      ? []
      : [`- **A fault was planted on purpose: \`${fault}\`. This is a test of Crosstalk, not a bug.**`]),
  ];
  return lines.join("\n");
}

function answer(finding: Finding): string {
  const { request, choice, index, position, origins } = finding.anomaly;
  const which = `Request \`${request}\`${choice === undefined ? "" : `, choice ${choice}`}`;
  const where = index === null ? `${which}.` : `${which}, from generated token ${index} on (counted from 0).`;
  const read = position === null ? "" : ` The cell to be read is at position ${position}.`;
  const lies =
    finding.anomaly.class === "leaked parameter"
      ? "Sampled as with"
      : position === null
        ? "A cell with the observed digit is, for instance,"
        : "The observed token lies in";
  const from = origins.length === 0 ? "" : ` ${lies} ${originsText(origins)}.`;
  const rows = tokenRows(finding);
  const table = rows.length === 0 ? [] : [markdownTable(["token", "expected", "observed"], rows)];
  return [`${where}${read}${from}`, ...table].join("\n\n");
}

/** Ambiguous origins are all named, up to where a reader stops reading. */
function originsText(origins: readonly CellOrigin[]): string {
  const named = origins
    .slice(0, MOST_ORIGINS)
    .map((o) => `\`${o.place}\` of \`${o.request}\` (position ${o.position})`);
  const more = origins.length - named.length;
  return [...named, ...(more > 0 ? [`${count(more, "other place")}`] : [])].join(" or ");
}

function steps(finding: Finding): string {
  const { from, to, runs, claim } = finding.minimised;
  return [
    fenced(printTrace(finding.trace)),
    `Reduced from ${formatSize(from)} to ${formatSize(to)} in ${runs} runs: ${claim}.`,
  ].join("\n\n");
}

function howOften(finding: Finding): string {
  const conclusion = armConclusion(finding);
  return [
    `${formatConfirmation(finding)}. Intervals are Wilson's, 95 %.`,
    ...(finding.arms.length === 0 ? [] : [markdownTable(["arm", "what it changes", "failed"], armRows(finding))]),
    ...(conclusion === null ? [] : [conclusion]),
  ].join("\n\n");
}

function timeline(finding: Finding): string {
  const lines = count(finding.log.length, "line");
  return [
    fenced(formatTimeline(finding).trimEnd()),
    ...(finding.log.length === 0 ? [] : [`\`server.log\` has the last ${lines} that the server wrote up to its end.`]),
  ].join("\n\n");
}

function runIt(finding: Finding): string {
  return [
    "The Python scripts need Python 3.9 or later and nothing else; `node repro.mjs` does the same as `repro.py` with Node 20 or later. Both end with 1 when the bug shows, 0 when it does not, and 2 when it could not test.",
    fenced(reproCommands(finding).join("\n"), "sh"),
  ].join("\n\n");
}

function heading(text: string, body: string): string {
  return `## ${text}\n\n${body}`;
}

function fenced(text: string, language = "text"): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
