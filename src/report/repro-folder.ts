/** The folder that a finding leaves behind: anyone can run it without Crosstalk. */

import { stripVTControlCharacters } from "node:util";
import type { Finding } from "../check/finding.ts";
import { formatHistory } from "../history/jsonl.ts";
import { usesAdapters } from "../trace/options.ts";
import { formatTrace } from "../trace/read.ts";
import { formatFinding } from "./finding-file.ts";
import { formatAdvisory, formatIssue } from "./issue.ts";
import { formatReportHtml } from "./report-html.ts";
import { reproMjs } from "./repro-mjs.ts";
import { reproPy } from "./repro-py.ts";
import { formatTimeline } from "./timeline.ts";
import { writeModelPy } from "./write-model-py.ts";

/** File names and their text. */
export type Files = ReadonlyMap<string, string>;

/** Everything, in the order in which it is written: what is saved comes before what is made of it. */
export function reproFolder(finding: Finding): Files {
  return new Map([...savedFiles(finding), ...reportFiles(finding)]);
}

/** What the reports can be made of again. `server.log` is there where the target has a log. */
function savedFiles(finding: Finding): Files {
  return new Map([
    ["trace.json", formatTrace(finding.trace)],
    ["history.jsonl", formatHistory(finding.history)],
    ...(finding.log.length === 0 ? [] : [["server.log", serverLog(finding)] as const]),
    ["finding.json", formatFinding(finding)],
  ]);
}

/** The reports. `advisory.md` is there for a leak only. */
export function reportFiles(finding: Finding): Files {
  const advisory = formatAdvisory(finding);
  return new Map([
    ["timeline.txt", formatTimeline(finding)],
    ["report.html", formatReportHtml(finding)],
    ["issue.md", formatIssue(finding)],
    ...(advisory === null ? [] : [["advisory.md", advisory] as const]),
    ["repro.py", reproPy(finding)],
    ["repro.mjs", reproMjs(finding)],
    ["write_model.py", writeModelPy(finding.target.written, usesAdapters(finding.trace))],
  ]);
}

function serverLog({ log }: Finding): string {
  return log.map((line) => `${stripVTControlCharacters(line)}\n`).join("");
}
