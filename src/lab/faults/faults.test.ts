import { describe, expect, test } from "vitest";
import { allProperties } from "../../../properties/index.ts";
import { forArm } from "../../check/arms.ts";
import { judgeRun, type Run } from "../../check/property.ts";
import { campaignTraces } from "../../generate/campaign-traces.ts";
import { withinWindow } from "../../generate/window.ts";
import { DEEP } from "../../testing/depth.ts";
import { validateTrace } from "../../trace/read.ts";
import { isSend, type Trace } from "../../trace/schema.ts";
import { InvariantBroken } from "../invariants.ts";
import { labTarget } from "../target.ts";
import { mistakes, runOnLab } from "../testing/lab-run.ts";
import { randomTrace } from "../testing/random-trace.ts";
import { LAB_FAULTS, labFault } from "./index.ts";

/** Traces within which a campaign must have met a fault. */
const TRACES = 120;
/** Requests that are alone in a fresh lab. */
const ALONE = DEEP ? 20 : 8;

const broken = (run: Run): string[] =>
  allProperties.filter((law) => law.appliesTo(run.trace) && judgeRun(law, run).status === "fail").map((law) => law.id);

const CASES = LAB_FAULTS.flatMap((fault) => fault.topologies.map((topology) => ({ fault, topology })));

describe.each(CASES)("$fault.name in topology $topology", ({ fault, topology }) => {
  const options = { topology, fault, adapters: fault.adapters !== undefined };
  const single = (seed: number): Trace =>
    withinWindow(randomTrace(seed, { requests: 1, segment: 400, cancels: 0 }), fault.settings?.window ?? null);

  test("breaks its law in a campaign, and does no harm there without its trigger", async () => {
    const description = await labTarget({ ...options, model: "symbols" }).start();
    for (const trace of campaignTraces({ seed: 1, traces: TRACES, context: 512 }, description)) {
      if (!broken(await runOnLab(trace, options)).includes(fault.breaks)) continue;
      if (fault.heals.length === 0) return;
      const healed = fault.heals.reduce<Trace>(forArm, trace);
      expect(mistakes(await runOnLab(healed, options)), trace.name).toEqual([]);
      return;
    }
    expect.fail(`no trace broke ${fault.breaks}`);
  });

  test("answers a request right that is alone in a fresh lab", async () => {
    for (let seed = 0; seed < ALONE; seed++) {
      expect(mistakes(await runOnLab(single(seed), options)), `seed ${seed}`).toEqual([]);
    }
  });

  test.runIf(topology === "single")("embeds right what is alone in a fresh lab", async () => {
    for (let seed = 0; seed < ALONE; seed++) {
      const { steps, ...rest } = single(seed);
      const embedded = steps.map((step) => (isSend(step) ? { ...step, maxTokens: 1, embed: true as const } : step));
      const run = await runOnLab(validateTrace({ ...rest, steps: embedded }), options);
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      expect([...run.outcomes.values()].map(({ tokens }) => tokens.length)).toEqual([1]);
    }
  });
});

/** Cells that are right for the tokens of their own sequence: the mistake lies elsewhere. */
const UNNOTICED = [
  "parent-not-hashed",
  "grammar-by-schedule",
  "grammar-reset-by-preemption",
  "grammar-row-left",
  "grammar-state-shared",
  "mask-row-copied",
  "mask-row-left",
  "tokens-by-schedule",
  "abort-shifts-outputs",
  "logits-by-fixed-stride",
  "namesakes-share-outputs",
  "output-kept-under-id",
  "pooled-by-step-place",
  "pooled-before-copied",
];

test.each(CASES.filter(({ fault }) => fault.breaks === "own-cells-only" && !UNNOTICED.includes(fault.name)))(
  "a lab that checks itself notices $fault.name in topology $topology",
  async ({ fault, topology }) => {
    const options = { topology, fault, adapters: fault.adapters !== undefined };
    const description = await labTarget({ ...options, model: "symbols" }).start();
    let noticed: unknown = null;
    for (const trace of campaignTraces({ seed: 1, traces: TRACES, context: 512 }, description)) {
      noticed = await runOnLab(trace, { ...options, checked: true }).then(
        () => null,
        (error: unknown) => error,
      );
      if (noticed !== null) break;
    }
    expect(noticed).toBeInstanceOf(InvariantBroken);
  },
);

test("faults have names of their own, and a link to the real bug", () => {
  expect(new Set(LAB_FAULTS.map((f) => f.name)).size).toBe(LAB_FAULTS.length);
  for (const fault of LAB_FAULTS) {
    expect(labFault(fault.name)).toBe(fault);
    expect(fault.resembles.url).toMatch(/^https:\/\//);
  }
});
