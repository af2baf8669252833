import { describe, expect, test } from "vitest";
import { allProperties } from "../../properties/index.ts";
import { forArm } from "../check/arms.ts";
import { judge, type Run } from "../check/property.ts";
import { withOptions } from "../generate/options.ts";
import { validateTrace } from "../trace/read.ts";
import { TRACE_VERSION, type Trace } from "../trace/schema.ts";
import { LAB_FAULTS, type LabFaultName } from "./faults.ts";
import { InvariantBroken } from "./invariants.ts";
import { mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace, withParameters } from "./testing/random-trace.ts";

/** Traffic that pulls each fault's trigger, by seed. */
const TRIGGER: Record<LabFaultName, (seed: number) => Trace> = {
  "pd-free-on-abort": (seed) => randomTrace(seed, { requests: 20, gapMs: 16, cancels: 0.5 }),
  "host-read-before-ready": (seed) => randomTrace(seed, { requests: 30, gapMs: 4 }),
  "row-swap-on-removal": (seed) => randomTrace(seed, { requests: 8 }),
  "partial-block-published": cancelBetweenChunks,
  "lost-tail": (seed) => randomTrace(seed, { requests: 8 }),
  "sampling-row-left": (seed) => withParameters(randomTrace(seed, { requests: 8 })),
  "abort-flushes-neighbour": (seed) => randomTrace(seed, { requests: 20, cancels: 0.5 }),
  "cancel-drops-neighbour": (seed) => randomTrace(seed, { requests: 8, cancels: 0.5 }),
  "adapter-not-hashed": (seed) => withOptions(randomTrace(seed, { requests: 8, segments: 2 }), ["adapter"], seed),
};

/**
 * A pool full of another family's cells; two prompts that share a step's budget, so that chunks end within a block; one
 * of them is cancelled between two chunks, and asked again.
 */
function cancelBetweenChunks(seed: number): Trace {
  const scan = { read: "scan" as const };
  const prompt = [{ seg: "P" }, scan];
  return validateTrace({
    crosstalk: TRACE_VERSION,
    name: `cancel between chunks ${seed}`,
    segments: {
      D: { seed, family: 1, length: 900 },
      A: { seed: seed + 1, family: 20, length: 100 + seed },
      P: { seed: seed + 2, family: 42, length: 300 },
    },
    steps: [
      { at: 0, send: "dirt", prompt: [{ seg: "D" }, scan], maxTokens: 1, cache: false },
      { at: 0, wait: "dirt" },
      { at: 1, send: "beside", prompt: [{ seg: "A" }, scan], maxTokens: 2 },
      { at: 1, send: "cut", prompt, maxTokens: 2 },
      { at: 1, cancel: "cut", afterMs: 4 },
      { at: 40, send: "again", prompt, maxTokens: 2 },
    ],
  });
}

const withoutCancels = (trace: Trace): Trace => forArm(trace, "no-cancels");
/** One at a time, and never the same prefix twice. */
const oneByOne = (trace: Trace): Trace => forArm(forArm(trace, "serialised"), "no-cache");

/** The same traffic with the trigger taken out. */
const HARMLESS: Record<LabFaultName, (trace: Trace) => Trace> = {
  "pd-free-on-abort": withoutCancels,
  "host-read-before-ready": (trace) => forArm(trace, "no-cache"),
  "row-swap-on-removal": oneByOne,
  "partial-block-published": (trace) => forArm(trace, "no-cache"),
  "lost-tail": oneByOne,
  "sampling-row-left": oneByOne,
  "abort-flushes-neighbour": withoutCancels,
  "cancel-drops-neighbour": withoutCancels,
  "adapter-not-hashed": (trace) => forArm(trace, "no-cache"),
};

const broken = (run: Run): string[] =>
  allProperties
    .filter((law) => law.appliesTo(run.trace) && judge(law, new Map([["main", run]])).status === "fail")
    .map((law) => law.id);

const CASES = LAB_FAULTS.flatMap((fault) => fault.topologies.map((topology) => ({ fault, topology })));

describe.each(CASES)("$fault.name in topology $topology", ({ fault, topology }) => {
  const options = { topology, fault: fault.name };

  test("breaks its law in some trace", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const run = await runOnLab(TRIGGER[fault.name](seed), options);
      if (broken(run).includes(fault.breaks)) return;
    }
    expect.fail(`no trace broke ${fault.breaks}`);
  });

  test("does no harm without its trigger", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const trace = HARMLESS[fault.name](TRIGGER[fault.name](seed));
      expect(mistakes(await runOnLab(trace, options)), `seed ${seed}`).toEqual([]);
    }
  });

  test("answers a request right that is alone in a fresh lab", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const trace = randomTrace(seed, { requests: 1, segment: 400, cancels: 0 });
      expect(mistakes(await runOnLab(trace, options)), `seed ${seed}`).toEqual([]);
    }
  });
});

test.each(CASES.filter(({ fault }) => fault.breaks === "own-cells-only"))(
  "a lab that checks itself notices $fault.name in topology $topology",
  async ({ fault, topology }) => {
    const run = async (seed: number) =>
      runOnLab(TRIGGER[fault.name](seed), { topology, fault: fault.name, checked: true }).then(
        () => null,
        (error: unknown) => error,
      );
    let noticed: unknown = null;
    for (let seed = 0; seed < 50 && noticed === null; seed++) noticed = await run(seed);
    expect(noticed).toBeInstanceOf(InvariantBroken);
  },
);

test("faults have names of their own, and a link to the real bug", () => {
  expect(new Set(LAB_FAULTS.map((f) => f.name)).size).toBe(LAB_FAULTS.length);
  for (const fault of LAB_FAULTS) expect(fault.resembles.url).toMatch(/^https:\/\/github\.com\//);
});
