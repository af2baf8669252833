/** The main job on a real engine: planted faults found, reduced and reproduced by scripts; no alarm without one. */

import { expect, onTestFinished, test } from "vitest";
import { containerTarget, llamaCpp } from "../../harness/index.ts";
import { needsDocker, tracerFile } from "../../harness/testing/docker-suite.ts";
import { cancelledPrefix } from "../../properties/cancelled-prefix.ts";
import { ownCellsOnly } from "../../properties/own-cells-only.ts";
import { cleanRunsNeeded } from "../check/statistics.ts";
import { SCENARIOS } from "../generate/scenarios.ts";
import { outcomes } from "../history/outcome.ts";
import { summarySchema } from "../report/summary.ts";
import { DEEP } from "../testing/depth.ts";
import { expectedTokens, resolveRequests } from "../trace/prompt.ts";
import { validateTrace } from "../trace/read.ts";
import { crosstalk, expectClean, REPRO_SCRIPTS, runRepro, temporaryFolder } from "./testing.ts";

await needsDocker();
const model = tracerFile();

/** It ends at the first failure: only a failure that shows seldom comes near this. */
const FAULTY_TRIES = 200;

/** A server of one's own in a container, for the length of a test. */
async function serve(args: readonly string[], fault: string | null, adapters: boolean) {
  const target = containerTarget({ model, fault, adapters, extraArgs: args });
  await target.start();
  onTestFinished(() => target.stop());
  return target;
}

/** The same server as a user's command: to Crosstalk a process like any other. */
function ownCommand(fault: string, args: readonly string[]): string {
  const container = `docker run --rm --network host -v {model.gguf}:/model.gguf:ro -e CROSSTALK_FAULT=${fault}`;
  const server = "-m /model.gguf --host 127.0.0.1 --port {port} -np 4 -c 2048 -b 64 -ub 64 -t 1 --cache-ram 0";
  return `${container} crosstalk/llama.cpp:local ${server} --slot-save-path /tmp --metrics ${args.join(" ")}`;
}

test.each(llamaCpp.faults)("$name answers a request right that is alone on a fresh server", async (planted) => {
  const { name: fault, args, adapters } = planted;
  const needed = adapters !== undefined;
  const target = await serve(args, fault, needed);
  // The last request of the start was one under an adapter; a flush ends with the base model's.
  if (needed) await target.flush();
  for (const cells of [20, 400]) {
    const trace = validateTrace({
      crosstalk: "crosstalk-trace/1",
      name: "alone",
      segments: { A: { seed: 9, family: 27, length: cells } },
      steps: [{ at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "narrow", back: 20 }], maxTokens: 20 }],
    });
    const history = await target.execute(trace, { arm: "main" });
    const expected = [...expectedTokens(resolveRequests(trace).get("r1")!)];
    expect(outcomes(history).get("r1")!.tokens).toEqual(expected);
    await target.restart();
    if (needed) await target.flush();
  }
});

/** Time for a reduction: enough for the quick ones, and for all of them. */
const REDUCE = DEEP ? "8m" : "4m";

/** The quick ones: a prefix read too far, and a race between two slots. The deep tests reduce them all. */
const REDUCED = llamaCpp.faults.filter(({ name }) => DEEP || name === "kept-tail" || name === "shared-block");

test.each(REDUCED)("$name is found, reduced to at most 6 requests, and reproduced by its scripts", async (planted) => {
  const { name: fault, args, adapters } = planted;
  const needed = adapters !== undefined;
  const run = ["run", "--engine", "llama.cpp", "--fault", fault, "--json", "--out", temporaryFolder()];
  const { code, stdout, stderr } = await crosstalk(...run, "--budget", "120s", "--reduce", REDUCE);
  expect(stderr).toBe("");
  const summary = summarySchema.parse(JSON.parse(stdout));
  expect(summary.error).toBe(null);
  expect(code).toBe(1);
  const [finding] = summary.findings;
  // The same wrong cells break one law or the other: it depends on whose request read them first.
  expect([ownCellsOnly.id, cancelledPrefix.id]).toContain(finding!.law);
  expect(finding!.requests).toBeLessThanOrEqual(6);
  expect(finding!.confirmation.failed).toBeGreaterThan(0);

  const { baseUrl: faulty } = await serve(args, fault, needed);
  for (const script of REPRO_SCRIPTS) {
    const { output, status } = runRepro(finding!.repro, script, faulty, FAULTY_TRIES);
    expect(output, script).toMatch(/^REPRODUCED on try/m);
    expect(status, script).toBe(1);
  }
  // So many that a failure which showed as often as this one did would have shown.
  const { failed, runs } = finding!.confirmation;
  const tries = cleanRunsNeeded(failed / (runs + 1), 0.998);
  const { baseUrl: clean } = await serve(args, null, needed);
  for (const script of REPRO_SCRIPTS) {
    const { output, status } = runRepro(finding!.repro, script, clean, tries);
    expect(output, script).toMatch(new RegExp(`^NOT REPRODUCED in ${tries} tries`, "m"));
    expect(status, script).toBe(0);
  }
});

/** A process is a target like a container: one fault whose servers keep what a flush leaves, and one that needs timing. */
const BY_COMMAND = llamaCpp.faults.filter(({ name }) => name === "state-by-size" || (DEEP && name === "late-write"));

test.each(BY_COMMAND)("$name is found and reduced by a command of one's own", async ({ name: fault, args }) => {
  const cmd = ownCommand(fault, args);
  const run = ["run", "--cmd", cmd, "--budget", "120s", "--reduce", REDUCE, "--json", "--out", temporaryFolder()];
  const { code, stdout } = await crosstalk(...run);
  expect(code).toBe(1);
  const summary = summarySchema.parse(JSON.parse(stdout));
  expect(summary.error).toBe(null);
  expect(summary.findings[0]!.requests).toBeLessThanOrEqual(6);
  expect(summary.findings[0]!.confirmation.failed).toBeGreaterThan(0);
});

test("a clean server: at least 1,000 requests with cache hits and cancels, and no alarm", async () => {
  const run = [
    "run",
    "--engine",
    "llama.cpp",
    "--traces",
    "44",
    "--budget",
    "9m",
    "--json",
    "--out",
    temporaryFolder(),
  ];
  const { code, stdout } = await crosstalk(...run);
  const summary = summarySchema.parse(JSON.parse(stdout));
  expectClean(summary);
  expect(code).toBe(0);
  expect(summary.counts.requests).toBeGreaterThanOrEqual(1_000);
  expect(summary.counts.cancels).toBeGreaterThan(100);
  expect(summary.counts.prefixHitTokens).toBeGreaterThan(1_000);
  expect(summary.counts.cells.readAfterRisk).toBeGreaterThan(10_000);
});

test("a clean server with adapters mixed with the base model by name: no alarm", async () => {
  const run = [
    "run",
    "--engine",
    "llama.cpp",
    "--adapters",
    "all",
    "--traces",
    // The named scenarios have none.
    `${SCENARIOS.length + 6}`,
    "--json",
    "--out",
    temporaryFolder(),
  ];
  const { code, stdout } = await crosstalk(...run);
  expectClean(summarySchema.parse(JSON.parse(stdout)));
  expect(code).toBe(0);
});

test("a clean server started by a command of one's own", async () => {
  const run = ["run", "--cmd", ownCommand("", []), "--json", "--traces", "6", "--out", temporaryFolder()];
  const { stdout } = await crosstalk(...run);
  expectClean(summarySchema.parse(JSON.parse(stdout)));
});
