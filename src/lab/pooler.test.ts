import { describe, expect, test } from "vitest";
import { ownCellsOnly } from "../../properties/own-cells-only.ts";
import { settles } from "../../properties/settles.ts";
import { explainWitness } from "../check/explain.ts";
import { judgeRun } from "../check/property.ts";
import { validateTrace } from "../trace/read.ts";
import { isSend, type SendStep } from "../trace/schema.ts";
import type { LabOptions } from "./config.ts";
import { labTarget } from "./target.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { type RandomTraceOptions, randomTrace, withEmbeddings } from "./testing/random-trace.ts";

const TRAFFIC: readonly RandomTraceOptions[] = [
  { requests: 12, segment: 120 },
  { requests: 16, segment: 200, gapMs: 3, cancels: 0.6, segments: 4, cancelMs: 12 },
  { requests: 16, segment: 160, gapMs: 2, cancels: 0, maxTokens: 100 },
];
const traffic = (seed: number) => withEmbeddings(randomTrace(seed, TRAFFIC[seed % TRAFFIC.length]));
const TIGHT = { contextTokens: 480, poolBlocks: 32 };
const LABS: readonly (readonly [string, LabOptions])[] = [
  ["that computes preempted requests anew", TIGHT],
  ["that swaps", { ...TIGHT, swapBlocks: 48 }],
  ["with drafts", { ...TIGHT, draftTokens: 3 }],
  ["that plans ahead", { ...TIGHT, asyncScheduling: true }],
  ["with a radix tree", { ...TIGHT, prefixIndex: "radix" }],
  ["of varying speed", { ...TIGHT, asyncScheduling: true, schedulerSeed: 7 }],
];

test.each(LABS)("a clean lab %s gives each embeddings request its own output", async (_, options) => {
  const total: Record<string, number> = { embedded: 0, cancelled: 0, longer: 0, preempted: 0 };
  for (let seed = 0; seed < 45; seed++) {
    const run = await runOnLab(traffic(seed), { ...options, checked: true });
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
    for (const { embed, send } of run.trace.steps.filter(isSend)) {
      const { status } = run.outcomes.get(send)!;
      if (embed && status === "finished") total.embedded!++;
      if (embed && status === "cancelled") total.cancelled!++;
      if (embed && run.requests.get(send)!.prompt.length > 128) total.longer!++;
    }
    const embeds = new Set(run.trace.steps.filter(isSend).flatMap(({ embed, send }) => (embed ? send : [])));
    for (const event of run.history.events)
      if (event.e === "cache" && event.what === "preemption" && embeds.has(event.id!)) total.preempted!++;
    for (const [name, n] of Object.entries(countersOf(run.history))) total[name] = (total[name] ?? 0) + n;
  }
  // Otherwise nothing was put to the test.
  for (const name of ["embedded", "cancelled", "longer", "promptTokensCached", "evictions", "preemptions"])
    expect(total[name], name).toBeGreaterThan(10);
  expect(total.preempted).toBeGreaterThan(0);
});

/** Families apart: no scan's token is another's. */
const SEGMENTS = {
  A: { seed: 1, family: 5, length: 24 },
  B: { seed: 2, family: 26, length: 24 },
  C: { seed: 3, family: 47, length: 100 },
};
const embedding = (send: string, seg: string, at = 0): SendStep => ({
  at,
  send,
  prompt: [{ seg }, { read: "scan" }],
  maxTokens: 1,
  embed: true,
});
const traceOf = (...steps: SendStep[]) =>
  validateTrace({ crosstalk: "crosstalk-trace/1", name: "embeddings", segments: SEGMENTS, steps });

test("an embedding is one token in the history, and none in the engine's count", async () => {
  const run = await runOnLab(traceOf(embedding("a", "C"), embedding("b", "C", 50)), { checked: true });
  expect(mistakes(run)).toEqual([]);
  expect(run.outcomes.get("b")).toMatchObject({ status: "finished", reason: "length", cached: 96, place: "row 0" });
  expect(countersOf(run.history)).toMatchObject({ promptTokens: 202, promptTokensCached: 96, generatedTokens: 0 });
});

test("where prefill and decode are apart the lab refuses embeddings", async () => {
  const lab = labTarget({ topology: "pd", model: "symbols" });
  expect((await lab.start()).options).not.toContain("embed");
  await expect(lab.execute(traceOf(embedding("a", "A")), { arm: "main" })).rejects.toThrow("embeds nothing");
});

describe("a vector of another request names it", () => {
  /** Keeps a step under way, so that the requests behind it begin together. */
  const completion = (send: string, at: number): SendStep => ({
    at,
    send,
    prompt: [{ seg: "A" }, { read: "scan" }],
    maxTokens: 8,
  });
  const anomaly = async (fault: string, law: typeof settles, ...steps: SendStep[]) => {
    const trace = traceOf(...steps);
    expect(mistakes(await runOnLab(trace)), "clean").toEqual([]);
    const run = await runOnLab(trace, { fault });
    const verdict = judgeRun(law, run);
    if (verdict.status !== "fail") throw new Error(`${fault} did not show`);
    expect(verdict.witnesses).toHaveLength(1);
    return explainWitness(run, verdict.witnesses[0]!, 16);
  };

  test("that ended in the same step", async () => {
    const steps = [completion("c", 0), embedding("a", "A", 1), embedding("b", "B", 1)];
    expect(await anomaly("pooled-by-step-place", ownCellsOnly, ...steps)).toMatchObject({
      class: "row swap",
      or: [],
      request: "a",
      origins: [{ request: "b", position: 25, place: "answer[0]" }],
    });
  });

  test("that has left its vector in a buffer", async () => {
    const early = [completion("c", 0), embedding("first", "A", 1), embedding("second", "A", 1)];
    const late = [completion("d", 80), embedding("a", "A", 81), embedding("b", "B", 81)];
    const run = await runOnLab(traceOf(...early, ...late), { fault: "pooled-before-copied" });
    // Nothing was in the buffer yet.
    expect(run.outcomes.get("second")).toMatchObject({ status: "failed", error: expect.stringMatching(/^EMBEDDING/) });
    const verdict = judgeRun(ownCellsOnly, run);
    if (verdict.status !== "fail") throw new Error("it did not show");
    expect(verdict.witnesses.map(({ request }) => request)).toEqual(["b"]);
    expect(explainWitness(run, verdict.witnesses[0]!, 16)).toMatchObject({ class: "row swap", request: "b" });
  });

  test("and of one of the middle of a prompt the lab cannot say a token", async () => {
    const steps = [completion("c", 0), embedding("a", "A", 1), embedding("long", "C", 1)];
    expect(await anomaly("pooled-with-neighbour", settles, ...steps)).toMatchObject({
      class: "unsettled request",
      request: "long",
      explanation: expect.stringContaining("EMBEDDING"),
    });
  });
});
