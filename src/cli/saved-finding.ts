/** A finding as its folder has it. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../check/finding.ts";
import { parseFinding } from "../report/finding-file.ts";
import { inputFile } from "./input.ts";
import { savedRun } from "./saved-run.ts";

export const FINDING_FILE = "finding.json";

/** @throws CrosstalkError INVALID_FINDING, INVALID_HISTORY, INVALID_TRACE, naming the file */
export function savedFinding(folder: string): Finding {
  const { path, text } = inputFile(join(folder, FINDING_FILE), FINDING_FILE, "INVALID_FINDING");
  const run = savedRun(inputFile(join(folder, "history.jsonl"), "history.jsonl", "INVALID_HISTORY"), folder);
  return parseFinding(text, path, { ...run, log: serverLog(join(folder, "server.log")) });
}

/** Lines; none where the target has no log. */
function serverLog(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}
