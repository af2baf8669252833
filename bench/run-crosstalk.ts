/** Crosstalk as a user starts it: a process of its own, judged by what it prints. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Summary, summarySchema } from "../src/report/summary.ts";

/** @param args of `crosstalk run`; `--json` is added */
export async function runCrosstalk(args: readonly string[]): Promise<Summary> {
  const main = join(import.meta.dirname, "../src/cli/main.ts");
  const child = spawn(process.execPath, [main, "run", ...args, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return summarySchema.parse(JSON.parse(output));
}

/** The campaign in folder `out`: the one that was run there before if it came to its end, else a new one. */
export async function runCrosstalkOnce(args: readonly string[], out: string): Promise<Summary> {
  const saved = savedSummary(out);
  if (saved?.error === null) return saved;
  rmSync(out, { recursive: true, force: true });
  return runCrosstalk([...args, "--out", out]);
}

/** What the campaign that was run with `--out folder` ended with; null where there is none. */
export function savedSummary(folder: string): Summary | null {
  const file = join(folder, "summary.json");
  return existsSync(file) ? summarySchema.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
}
