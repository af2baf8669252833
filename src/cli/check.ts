/** `crosstalk check`: judge a saved history, years later and offline. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { lawsFor } from "../../properties/index.ts";
import { explainWitness } from "../check/explain.ts";
import { judgeRun, toRun } from "../check/property.ts";
import { joinStatus } from "../check/verdict.ts";
import { formatEvent } from "../history/print.ts";
import { printTrace } from "../trace/print.ts";
import { exitCodeOf } from "./exit.ts";
import { inputFile } from "./input.ts";
import { savedRun } from "./saved-run.ts";

export interface CheckOptions {
  readonly trace?: string;
  readonly print?: boolean;
  readonly json?: boolean;
}

export async function check(path: string, options: CheckOptions): Promise<number> {
  const saved = inputFile(path, "history.jsonl", "INVALID_HISTORY");
  const { history, trace, truncated } = savedRun(saved, options.trace ?? traceBeside(saved.path));
  const run = toRun(trace, history);
  const blockSize = run.trace.needs?.blockSize ?? 1;
  const isolation = history.header.empty ? "flush" : "none";
  const kind = history.header.target.startsWith("lab:") ? "lab" : "url";
  const laws = lawsFor({ kind, isolation }).filter((law) => law.appliesTo(run.trace));
  const verdicts = laws.map((law) => {
    const verdict = judgeRun(law, run);
    const anomaly = verdict.status === "fail" ? explainWitness(run, verdict.witnesses[0], blockSize) : null;
    return { law: law.id, ...verdict, anomaly };
  });
  const status = joinStatus(verdicts.map((v) => v.status));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ verdict: status, truncated, verdicts })}\n`);
    return exitCodeOf(status);
  }
  const lines = verdicts.map((v) => {
    const explained = v.anomaly ? `\n    ${v.anomaly.class}: ${v.anomaly.explanation}` : "";
    return `${v.law.padEnd(24)} ${v.status.padEnd(13)} ${v.reason}${explained}`;
  });
  if (options.print) lines.unshift(printTrace(run.trace), ...history.events.map(formatEvent), "");
  if (truncated !== null) lines.push(`the history is incomplete: ${truncated}`);
  process.stdout.write(`${lines.join("\n")}\n`);
  return exitCodeOf(status);
}

function traceBeside(history: string): string {
  const named = history.replace(/\.history\.jsonl$/, ".trace.json");
  return named !== history && existsSync(named) ? named : join(dirname(history), "trace.json");
}
