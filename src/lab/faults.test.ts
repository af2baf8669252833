import { describe, expect, test } from "vitest";
import { allProperties } from "../../properties/index.ts";
import { forArm } from "../check/arms.ts";
import { judge, type Run } from "../check/property.ts";
import type { Trace } from "../trace/schema.ts";
import { LAB_FAULTS, type LabFaultName } from "./faults.ts";
import { mistakes, runOnLab } from "./testing/lab-run.ts";
import { type RandomTraceOptions, randomTrace } from "./testing/random-trace.ts";

/** Traffic that pulls each fault's trigger often. */
const TRIGGER: Record<LabFaultName, RandomTraceOptions> = {
  "pd-free-on-abort": { requests: 20, gapMs: 16, cancels: 0.5 },
  "host-read-before-ready": { requests: 30, gapMs: 4 },
  "row-swap-on-removal": { requests: 8 },
  "partial-block-published": { requests: 40, gapMs: 3, cancels: 0.6, segments: 6, segment: 400, cancelMs: 15 },
  "lost-tail": { requests: 8 },
  "abort-flushes-neighbour": { requests: 20, cancels: 0.5 },
  "cancel-drops-neighbour": { requests: 8, cancels: 0.5 },
};

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
  "abort-flushes-neighbour": withoutCancels,
  "cancel-drops-neighbour": withoutCancels,
};

const broken = (run: Run): string[] =>
  allProperties
    .filter((law) => law.appliesTo(run.trace) && judge(law, new Map([["main", run]])).status === "fail")
    .map((law) => law.id);

const CASES = LAB_FAULTS.flatMap((fault) => fault.topologies.map((topology) => ({ fault, topology })));

describe.each(CASES)("$fault.name in topology $topology", ({ fault, topology }) => {
  const options = { topology, fault: fault.name };

  test("breaks its law in some trace", async () => {
    for (let seed = 0; seed < 100; seed++) {
      const run = await runOnLab(randomTrace(seed, TRIGGER[fault.name]), options);
      if (broken(run).includes(fault.breaks)) return;
    }
    expect.fail(`no trace broke ${fault.breaks}`);
  });

  test("does no harm without its trigger", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const trace = HARMLESS[fault.name](randomTrace(seed, TRIGGER[fault.name]));
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

test("faults have names of their own, and a link to the real bug", () => {
  expect(new Set(LAB_FAULTS.map((f) => f.name)).size).toBe(LAB_FAULTS.length);
  for (const fault of LAB_FAULTS) expect(fault.resembles.url).toMatch(/^https:\/\/github\.com\//);
});
