/** Runs the command line as a user does: a process of its own. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { Summary } from "../report/summary.ts";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = join(import.meta.dirname, "main.ts");

export interface Started {
  readonly child: ChildProcess;
  /** Resolves when this stands on standard error. */
  readonly said: (text: string) => Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Not those of the job that runs the tests: a planted bug is nothing to report there. */
const NO_JOB = { GITHUB_ACTIONS: "", GITHUB_STEP_SUMMARY: "" };

export function startCrosstalk(...args: readonly string[]): Started {
  return start(args, {});
}

function start(args: readonly string[], environment: Readonly<Record<string, string>>): Started {
  const env = { ...process.env, ...NO_JOB, ...environment };
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  const said = async (text: string) => {
    while (!stderr.includes(text)) await once(child.stderr, "data");
  };
  return { child, said, ended };
}

/** That every law passed that applied to a trace; one that did not says why. */
export function expectClean({ error, findings, laws, verdict }: Summary): void {
  const applied = laws.filter(({ passed, inconclusive, failed, known }) => passed + inconclusive + failed + known > 0);
  const open = applied.filter(({ status }) => status !== "pass").map(({ id, reason }) => `${id}: ${reason}`);
  expect({ error, findings, open, verdict }).toEqual({ error: null, findings: [], open: [], verdict: "pass" });
}

export function crosstalk(...args: readonly string[]): Promise<Ended> {
  return startCrosstalk(...args).ended;
}

/** The same, with variables of the environment. */
export function crosstalkWith(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ended> {
  return start(args, environment).ended;
}

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "crosstalk-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Where there is Python or Node and nothing else. Node's own binary needs what every Debian has. */
const RUNTIMES = {
  "repro.py": ["crosstalk/python:local"],
  "repro.mjs": ["-v", `${process.execPath}:/usr/local/bin/node:ro`, "debian:bookworm-slim", "node"],
};
export const REPRO_SCRIPTS = Object.keys(RUNTIMES) as readonly ReproScript[];
type ReproScript = keyof typeof RUNTIMES;

/** Runs a finding's script, without Crosstalk. */
export function runRepro(
  folder: string,
  script: ReproScript,
  url: string,
  tries: number,
): { status: number | null; output: string } {
  const container = ["run", "--rm", "--network", "host", "-v", `${folder}:/repro:ro`, ...RUNTIMES[script]];
  const command = [`/repro/${script}`, url, "--tries", `${tries}`];
  const { status, stdout, stderr } = spawnSync("docker", [...container, ...command], { encoding: "utf8" });
  return { status, output: stdout + stderr };
}
