/** `crosstalk check`: judge a saved history, years later and offline. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { lawsFor } from "../../properties/index.ts";
import { explainWitness } from "../check/explain.ts";
import { judge, type Run, toRun } from "../check/property.ts";
import { joinStatus } from "../check/verdict.ts";
import { CrosstalkError } from "../errors.ts";
import { parseHistory } from "../history/jsonl.ts";
import { formatEvent } from "../history/print.ts";
import { printTrace } from "../trace/print.ts";
import { formatTrace, parseTrace } from "../trace/read.ts";
import { exitCodeOf } from "./exit.ts";
import { inputFile } from "./input.ts";

export interface CheckOptions {
  readonly trace?: string;
  readonly print?: boolean;
  readonly json?: boolean;
}

export async function check(path: string, options: CheckOptions): Promise<number> {
  const saved = inputFile(path, "history.jsonl", "INVALID_HISTORY");
  const { history, truncated } = parseHistory(saved.text, saved.path);
  const trace = inputFile(options.trace ?? traceBeside(saved.path), "trace.json", "INVALID_TRACE");
  const run = toRun(parseTrace(trace.text, trace.path), history);
  refuseOtherTrace(trace, run);
  const blockSize = run.trace.needs?.blockSize ?? 1;
  const isolation = history.header.empty ? "flush" : "none";
  const kind = history.header.target.startsWith("lab:") ? "lab" : "url";
  const laws = lawsFor({ kind, isolation }).filter((law) => law.appliesTo(run.trace));
  const verdicts = laws.map((law) => {
    const verdict = judge(law, new Map([["main", run]]));
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

/**
 * What another trace would have answered says nothing of this history.
 * @throws CrosstalkError INVALID_TRACE
 */
function refuseOtherTrace(file: { readonly path: string; readonly text: string }, { trace, history }: Run): void {
  const { sha256, name } = history.header.trace;
  const hashes = [file.text, formatTrace(trace)].map((text) => createHash("sha256").update(text).digest("hex"));
  if (hashes.includes(sha256)) return;
  throw new CrosstalkError(
    "INVALID_TRACE",
    `${file.path} is not the trace of this history, which is of ${name} (sha256 ${sha256})`,
    "Give the trace that ran with --trace, as it was written: a changed one has other answers.",
  );
}

function traceBeside(history: string): string {
  const named = history.replace(/\.history\.jsonl$/, ".trace.json");
  return named !== history && existsSync(named) ? named : join(dirname(history), "trace.json");
}
