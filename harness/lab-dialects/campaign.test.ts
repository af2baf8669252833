/** Campaigns over loopback: each dialect's own client finds a planted fault in the lab, and nothing in a clean one. */

import { describe, expect, test } from "vitest";
import { lawsFor } from "../../properties/index.ts";
import { type CampaignResult, campaign } from "../../src/campaign.ts";
import { campaignTraces } from "../../src/generate/campaign-traces.ts";
import { SCENARIOS } from "../../src/generate/scenarios.ts";
import type { LabOptions } from "../../src/lab/config.ts";
import { llamaCpp } from "../engines/llama-cpp.ts";
import type { EngineProfile } from "../engines/profile.ts";
import { sglang } from "../engines/sglang.ts";
import { vllm } from "../engines/vllm.ts";
import { ServerTarget } from "../server-target.ts";
import { labServer } from "../testing/lab-server.ts";
import { manifestOfNothing } from "../testing/manifest.ts";
import { UrlServer } from "../url-server.ts";

/** Few runs: what is wanted is the finding, not its statistics. */
const INVESTIGATION = { reduce: 10, reduceInLab: 0, servers: 1, runsPerServer: 2, armRuns: 1 };

async function campaignAgainst(profile: EngineProfile, lab: LabOptions, traces: number): Promise<CampaignResult> {
  const { url } = await labServer({ dialect: profile.dialect, speed: 10, lab });
  const server = new UrlServer({ url, profile });
  const target = new ServerTarget({ server, profile, model: manifestOfNothing("m") });
  const description = await target.start();
  const events = campaign({
    target,
    description,
    laws: lawsFor(description),
    traces: campaignTraces({ seed: 1, traces, context: 512 }, description),
    goOn: () => true,
    investigation: INVESTIGATION,
    findings: 1,
  });
  let step = await events.next();
  while (!step.done) step = await events.next();
  await target.stop();
  return step.value;
}

test("choices are forked, streamed and judged in vLLM's dialect", async () => {
  const { findings } = await campaignAgainst(vllm, { fault: "fork-copies-neighbour" }, 40);
  // In real time either law may be the first to be broken: a choice reads another's cells, or differs from its twin.
  expect(["own-cells-only", "same-prompt-same-output"]).toContain(findings[0]?.law.id);
  expect(findings[0]!.trace.steps.some((step) => "send" in step && step.n !== undefined)).toBe(true);
});

describe.each([llamaCpp, vllm, sglang])("a lab in the dialect of $name", (profile) => {
  test("is clean", async () => {
    // Some more than the named scenarios, which have no adapters.
    const wanted = SCENARIOS.length + 3;
    const { findings, coverage, traces } = await campaignAgainst(profile, { adapters: true }, wanted);
    expect(findings).toEqual([]);
    expect(traces).toBe(wanted);
    // Otherwise nothing was put to the test.
    expect(coverage.prefixHitTokens).toBeGreaterThan(300);
    expect(coverage.cancels).toBeGreaterThan(2);
  });

  test("has a planted fault that is found", async () => {
    const { findings } = await campaignAgainst(profile, { fault: "parent-not-hashed" }, 40);
    expect(findings).toMatchObject([{ law: { id: "own-cells-only" } }]);
  });
});
