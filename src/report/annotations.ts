/** Workflow commands of GitHub Actions: a line each, shown beside the job and the pull request. */

import { isNew, type RunReport } from "./summary.ts";
import { classText, headline, knownText, reproduction } from "./wording.ts";

type Level = "error" | "warning" | "notice";

export function formatAnnotations({ findings, summary }: RunReport): string {
  const { error, laws, notSeen, verdict } = summary;
  const lines = summary.findings.map((found, i) => {
    const { finding, folder } = findings[i]!;
    const title = `Crosstalk: ${classText(finding.anomaly)}`;
    if (!isNew(found)) return command("notice", title, knownText(found));
    const parts = [headline(finding.anomaly), found.explanation, "Reproduce with:", ...reproduction(finding, folder)];
    return command("error", title, [...parts, ...(found.known === null ? [] : [knownText(found)])].join("\n"));
  });
  for (const { link, signature } of notSeen) {
    lines.push(command("notice", "Crosstalk: in the baseline, but not seen", `${signature}, ${link}`));
  }
  if (error !== null) lines.push(command("error", "Crosstalk could not test", `${error.message}\n${error.hint}`));
  else if (verdict === "inconclusive") {
    const reasons = laws.filter((law) => law.status === "inconclusive").map((law) => `${law.id}: ${law.reason}`);
    lines.push(command("warning", "Crosstalk: inconclusive", reasons.join("\n")));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function command(level: Level, title: string, message: string): string {
  return `::${level} title=${property(title)}::${data(message)}`;
}

/** As GitHub's own toolkit escapes: one line, and no end of a property in its value. */
const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
