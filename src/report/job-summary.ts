/** A run on one page of Markdown: the summary of a CI job. */

import { isNew, type RunReport } from "./summary.ts";
import { markdownTable } from "./tables.ts";
import { classText, formatConfirmation, formatCounts, headline, knownText, reproduction, VERDICTS } from "./wording.ts";

export function formatJobSummary({ findings, summary }: RunReport): string {
  const { counts, error, laws, notSeen, out, seed, target, verdict } = summary;
  const engine = target === null ? "" : `: ${target.engine} ${target.version}`;
  const fresh = findings.filter((_, i) => isNew(summary.findings[i]!));
  const listed = [
    ...summary.findings.filter(({ known }) => known !== null).map((found) => `- ${knownText(found)}`),
    ...notSeen.map(({ link, signature }) => `- in the baseline, but not seen: ${signature}, ${link}`),
  ];
  return `${[
    `## Crosstalk${engine}: ${VERDICTS[verdict]}`,
    ...(error === null
      ? []
      : [`**${error.code}**: could not test to the end.`, fenced(`${error.message}\n${error.hint}`)]),
    ...fresh.map(({ finding, folder }) =>
      [
        `### ${classText(finding.anomaly)}: ${headline(finding.anomaly)}`,
        finding.anomaly.explanation,
        `Confirmed: ${formatConfirmation(finding)}.`,
        fenced(reproduction(finding, folder).join("\n"), "sh"),
      ].join("\n\n"),
    ),
    ...(listed.length === 0 ? [] : [listed.join("\n")]),
    ...(laws.length === 0
      ? []
      : [
          markdownTable(
            ["law", "verdict", "traces passed", "in the last such trace"],
            laws.map((law) => [law.id, law.status, String(law.passed), law.reason]),
          ),
        ]),
    `Rests on ${counts.traces} traces${seed === null ? "" : ` of seed ${seed}`}: ${formatCounts(counts)}.`,
    ...(out === null ? [] : [`Everything is in \`${out}\`.`]),
  ].join("\n\n")}\n`;
}

/** The fence is longer than any in the text. */
function fenced(text: string, language = "text"): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
