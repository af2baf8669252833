/** Crosstalk as a user starts it: a process of its own, judged by what it prints. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Summary, summarySchema } from "../src/cli/summary.ts";

/** @param args of `crosstalk run`; `--json` is added */
export async function runCrosstalk(args: readonly string[]): Promise<Summary> {
  const main = join(import.meta.dirname, "../src/cli/main.ts");
  const child = spawn(process.execPath, [main, "run", ...args, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return summarySchema.parse(JSON.parse(output));
}
