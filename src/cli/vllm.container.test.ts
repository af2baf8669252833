/**
 * The main job on a vLLM server with a small pool: no alarm on a clean one, and the engine's own counters say that it was
 * fought over; planted faults found, reduced and reproduced by scripts.
 */

import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { containerTarget, vllm } from "../../harness/index.ts";
import { needsDocker, tracerFile } from "../../harness/testing/docker-suite.ts";
import { cleanRunsNeeded } from "../check/statistics.ts";
import { SCENARIOS } from "../generate/scenarios.ts";
import { summarySchema } from "../report/summary.ts";
import { DEEP } from "../testing/depth.ts";
import { crosstalk, expectClean, REPRO_SCRIPTS, runRepro, temporaryFolder } from "./testing.ts";

await needsDocker(vllm.image.name);
const tracer = tracerFile({ format: "hf" });

/**
 * Traces beyond the named scenarios: a law that few of those are about passes only in one that was sent in time, and a busy
 * machine is late for some.
 */
const TRACES = `${SCENARIOS.length + 12}`;

/** Without seeds: on CPUs they end vLLM's engine (corpus/found/vllm-cpu-seed-chunked-prefill). */
async function campaign(...options: string[]) {
  const { code, stdout, stderr } = await crosstalk("run", "--without", "seed", "--json", "--budget", "9m", ...options);
  const summary = summarySchema.parse(JSON.parse(stdout));
  expect({ stderr, error: summary.error }).toEqual({ stderr: "", error: null });
  return { code, summary };
}

test("a clean server: preemptions, cancels and prefix hits, and no alarm", async () => {
  const { code, summary } = await campaign("--engine", "vllm", "--traces", TRACES, "--out", temporaryFolder());
  expectClean(summary);
  expect(code).toBe(0);
  expect(summary.counts.requests).toBeGreaterThanOrEqual(300);
  expect(summary.counts.preemptions).toBeGreaterThan(5);
  expect(summary.counts.cancels).toBeGreaterThan(30);
  expect(summary.counts.prefixHitTokens).toBeGreaterThan(5_000);
  expect(summary.counts.cells.readAfterRisk).toBeGreaterThan(10_000);
});

test("adapters mixed with the base model: no alarm", async () => {
  const { code, summary } = await campaign(
    ...["--engine", "vllm", "--adapters", "--traces", TRACES, "--out", temporaryFolder()],
  );
  expectClean(summary);
  expect(code).toBe(0);
});

test("a prefix that an adapter computed is not taken for the base model's, but where block keys leave the adapter out", async () => {
  const replay = ["replay", "corpus/found/llama-cpp-adapter-left-out/trace.json", "--engine", "vllm"];
  expect((await crosstalk(...replay)).code).toBe(0);
  const { code, stdout } = await crosstalk(...replay, "--fault", "adapter-not-hashed");
  expect(stdout).toContain("as adapter a2 (of r1) computed it");
  expect(code).toBe(1);
});

test("a model of another depth in BF16, by a command of one's own", async () => {
  const model = join(temporaryFolder(), "model");
  const shape = ["--layers", "8", "--kv-heads", "2"];
  expect(await crosstalk("model", "write", model, "--format", "hf", "--dtype", "bf16", ...shape)).toMatchObject({
    code: 0,
  });
  const environment = Object.entries(vllm.environment).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const cmd = [
    ...["docker", "run", "--rm", "--network", "host", "--shm-size", "1g", "-v", "{model.hf}:/model:ro", ...environment],
    ...[vllm.image.name, "/model", "--host", "127.0.0.1", "--port", "{port}", "--dtype", "bfloat16", "--enforce-eager"],
    ...["--max-model-len", "512", "--block-size", "32", "--num-gpu-blocks-override", "24", "--max-num-seqs", "8"],
    ...["--max-num-batched-tokens", "64", "--enable-prompt-tokens-details"],
  ].join(" ");
  // Each law that applies to one of these applies to all: one that is late takes none of its passes away.
  const options = ["--engine", "vllm", "--cmd", cmd, "--model", model, "--traces", "7", "--context", "256"];
  const { code, summary } = await campaign(...options, "--out", temporaryFolder());
  expectClean(summary);
  expect(summary.target).toMatchObject({ kind: "process", engine: "vllm" });
  expect(code).toBe(0);
  expect(summary.counts.prefixHitTokens).toBeGreaterThan(1_000);
  expect(summary.counts.cancels).toBeGreaterThan(10);
});

const PLANTED = [
  // Two requests, one after the other: it needs no timing.
  { fault: "parent-not-hashed", anomaly: ["phantom hit"], often: true },
  // A row of the batch moves while its neighbour decodes. Its table is then the departed one's: cells of that one, or of
  // whoever had the block before, or, where that table was shorter, none at all.
  { fault: "block-row-left", anomaly: ["foreign read", "stale read", "unwritten read"], often: false },
];

test.each(PLANTED.filter(({ often }) => DEEP || often))(
  "$fault is found, reduced, and reproduced by its scripts",
  async (planted) => {
    const { fault, anomaly } = planted;
    const { code, summary } = await campaign("--engine", "vllm", "--fault", fault, "--out", temporaryFolder());
    expect(code).toBe(1);
    const finding = summary.findings[0]!;
    expect(anomaly).toContain(finding.class);
    expect(finding.law).toBe("own-cells-only");
    expect(finding.requests).toBeLessThanOrEqual(6);
    expect(finding.confirmation.failed).toBeGreaterThan(0);

    const { failed, runs } = finding.confirmation;
    const tries = cleanRunsNeeded(failed / (runs + 1), 0.998);
    for (const server of [
      { fault, tries: 200, says: /^REPRODUCED on try/m, status: 1 },
      { fault: null, tries, says: new RegExp(`^NOT REPRODUCED in ${tries} tries`, "m"), status: 0 },
    ]) {
      const target = containerTarget({ profile: vllm, model: tracer, fault: server.fault });
      onTestFinished(() => target.stop());
      await target.start();
      for (const script of REPRO_SCRIPTS) {
        const { status, output } = runRepro(finding.repro, script, target.baseUrl, server.tries);
        expect(output, script).toMatch(server.says);
        expect(status, script).toBe(server.status);
      }
      await target.stop();
    }
  },
);
