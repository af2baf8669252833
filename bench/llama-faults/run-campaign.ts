/** One campaign against a planted fault, and how long it took. */

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Summary } from "../../src/report/summary.ts";
import { runCrosstalk, savedSummary } from "../run-crosstalk.ts";

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

/** What was measured before, if it came to its end. */
export async function runCampaign({ fault, seed, budget, out }: CampaignOptions): Promise<Campaign> {
  const times = join(out, "times.json");
  const saved = savedSummary(out);
  if (saved?.error === null && existsSync(times))
    return { fault, summary: saved, ...JSON.parse(readFileSync(times, "utf8")) };
  rmSync(out, { recursive: true, force: true });
  const args = ["--engine", "llama.cpp", "--seed", seed, "--budget", budget, "--out", out];
  if (fault !== null) args.push("--fault", fault);
  const started = Date.now();
  const summary = await runCrosstalk(args);
  const totalSeconds = (Date.now() - started) / 1000;
  const written = lastTraceWritten(out);
  const traceSeconds = written === null ? null : (written - started) / 1000;
  writeFileSync(times, JSON.stringify({ traceSeconds, totalSeconds }));
  return { fault, summary, traceSeconds, totalSeconds };
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
