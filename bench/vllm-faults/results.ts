/**
 * Results in a bench's folder: `crosstalk/FAULT`, each the folder of one `crosstalk run`, and `naive/FAULT.json`. The
 * clean image is a fault called `clean`. What is there is not measured again.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHistory } from "../../src/history/jsonl.ts";
import type { Summary } from "../../src/report/summary.ts";
import { savedSummary } from "../run-crosstalk.ts";
import { type NaiveResult, naiveSchema } from "./naive.ts";

export interface Result {
  /** Null: the clean image. */
  readonly fault: string | null;
  /** Null where there is none yet. */
  readonly summary: Summary | null;
  /** From the campaign's first request until its last trace had ended; null where it was not saved. */
  readonly seconds: number | null;
  readonly naive: NaiveResult | null;
}

export const nameOf = (fault: string | null): string => fault ?? "clean";
export const campaignFolder = (out: string, fault: string | null): string => join(out, "crosstalk", nameOf(fault));
const secondsFile = (out: string, fault: string | null): string => join(campaignFolder(out, fault), "seconds.json");
const naiveFile = (out: string, fault: string | null): string => join(out, "naive", `${nameOf(fault)}.json`);

export function readResult(out: string, fault: string | null): Result {
  const seconds = secondsFile(out, fault);
  const file = naiveFile(out, fault);
  return {
    fault,
    summary: savedSummary(campaignFolder(out, fault)),
    seconds: existsSync(seconds) ? Number(readFileSync(seconds, "utf8")) : null,
    naive: existsSync(file) ? naiveSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : null,
  };
}

export function saveNaive(out: string, fault: string | null, result: NaiveResult): void {
  mkdirSync(join(out, "naive"), { recursive: true });
  writeFileSync(naiveFile(out, fault), `${JSON.stringify(result, null, 2)}\n`);
}

export function forget(out: string, fault: string | null): void {
  rmSync(campaignFolder(out, fault), { recursive: true, force: true });
  rmSync(naiveFile(out, fault), { force: true });
}

/** What of a campaign is kept beside its summary, once it has ended. */
export function saveSeconds(out: string, fault: string | null): void {
  const seconds = secondsUnderLoad(join(campaignFolder(out, fault), "runs"));
  if (seconds !== null) writeFileSync(secondsFile(out, fault), `${seconds}\n`);
}

/** By the clock times in the histories that a campaign keeps of its traces. */
function secondsUnderLoad(runs: string): number | null {
  if (!existsSync(runs)) return null;
  const names = readdirSync(runs)
    .filter((name) => name.endsWith(".history.jsonl"))
    .sort();
  const [first, last] = [names[0], names.at(-1)].map((name) =>
    name === undefined ? null : parseHistory(readFileSync(join(runs, name), "utf8"), name).history,
  );
  if (!first || !last) return null;
  const end = Date.parse(last.header.clock) + (last.events.at(-1)?.t ?? 0) / 1000;
  return (end - Date.parse(first.header.clock)) / 1000;
}
