/** One campaign as a user starts it: a process of its own, judged by what it prints and leaves on disk. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Summary, summarySchema } from "../../src/cli/summary.ts";

export interface CampaignOptions {
  /** Null: the clean image. */
  readonly fault: string | null;
  readonly seed: string;
  readonly budget: string;
  readonly out: string;
}

export interface Campaign {
  readonly fault: string | null;
  readonly summary: Summary;
  /** From process start, the engine's own start included, until the last trace had run: the one that broke a law. */
  readonly traceSeconds: number | null;
  /** Until the process ended: reduction, confirmation and control arms included. */
  readonly totalSeconds: number;
}

export async function runCampaign({ fault, seed, budget, out }: CampaignOptions): Promise<Campaign> {
  rmSync(out, { recursive: true, force: true });
  const args = ["run", "--engine", "llama.cpp", "--seed", seed, "--budget", budget, "--out", out, "--json"];
  if (fault !== null) args.push("--fault", fault);
  const main = join(import.meta.dirname, "../../src/cli/main.ts");
  const started = Date.now();
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  const totalSeconds = (Date.now() - started) / 1000;
  const summary = summarySchema.parse(JSON.parse(output));
  const written = lastTraceWritten(out);
  return {
    fault,
    summary,
    traceSeconds: written === null ? null : (written - started) / 1000,
    totalSeconds,
  };
}

/** A campaign stores each trace as soon as it has run. Milliseconds since 1970. */
function lastTraceWritten(out: string): number | null {
  try {
    const last = readdirSync(join(out, "runs"))
      .filter((name) => name.endsWith(".trace.json"))
      .sort()
      .at(-1);
    return last === undefined ? null : statSync(join(out, "runs", last)).mtimeMs;
  } catch {
    return null;
  }
}
