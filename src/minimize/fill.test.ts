import { describe, expect, test } from "vitest";
import { isSend, promptLength, type Step, type Trace, traceSchema } from "../trace/schema.ts";
import { fillPool } from "./fill.ts";
import { runPass, scanOf } from "./testing/run-pass.ts";

const CONTEXT = 512;
const POOL = 900;

/** A sharer is cancelled while the victim answers; forty short requests follow. */
const CROWDED: Trace = traceSchema.parse({
  crosstalk: "crosstalk-trace/1",
  name: "a crowd",
  needs: { contextTokens: 120 },
  segments: {
    P: { seed: 1, family: 5, length: 64 },
    A: { seed: 2, family: 9, length: 40 },
    B: { seed: 3, family: 60, length: 40 },
  },
  steps: [
    scanOf("sharer", 0, "P", 30),
    scanOf("victim", 0, "P", 20),
    { at: 1, cancel: "sharer", afterTokens: 4 },
    ...Array.from({ length: 40 }, (_, i) => scanOf(`r${i}`, 2 + i, i % 2 === 0 ? "A" : "B", 8)),
  ],
});

const run = (trace: Trace, victim: string | undefined, holds: (trace: Trace) => boolean) =>
  runPass(fillPool(trace, victim, CONTEXT), holds);

const order = ({ steps }: Trace): string[] => steps.map((s) => ("wait" in s ? "wait" : isSend(s) ? s.send : "cancel"));

/** A model of the failure: after the cancel the pool's worth of cells is asked for while the victim still answers. */
function takesItsCells({ steps, segments }: Trace): boolean {
  const cancelled = steps.findIndex((s) => "cancel" in s && s.cancel === "sharer");
  const ids = steps.flatMap((s) => (isSend(s) ? s.send : []));
  const behind = steps.slice(cancelled + 1).filter(isSend);
  const cells = behind.reduce((sum, s) => sum + promptLength({ segments }, s.prompt), 0);
  return cancelled !== -1 && ids.includes("victim") && cells >= POOL;
}

describe("filling the pool", () => {
  test("puts a few long prompts behind the cancel, in the place of all who have nothing to do with the victim", () => {
    const { end } = run(CROWDED, "victim", takesItsCells);
    const sends = end.steps.filter(isSend);
    expect(sends.map((s) => s.send)).toEqual(["sharer", "victim", "fill1", "fill2", "fill3"]);
    expect(end.steps[3]).toEqual({ at: 1, wait: "sharer" });
    expect(Math.max(...sends.map((s) => promptLength(end, s.prompt) + s.maxTokens))).toBeLessThanOrEqual(CONTEXT);
  });

  test("a victim that is sent behind the cancel's step answers meanwhile, or comes after", () => {
    const [sharer, victim, cancel, ...others] = CROWDED.steps;
    const late = { ...CROWDED, steps: [sharer!, cancel!, { ...victim!, at: 1 }, ...others] };
    const orders = run(late, "victim", () => false).offered.map(order);
    expect(orders[0]).toEqual(["sharer", "cancel", "victim", "wait", "fill1", "fill2", "fill3"]);
    expect(orders).toContainEqual(["sharer", "cancel", "wait", "fill1", "fill2", "fill3", "victim"]);
  });

  test("another who has a cancelled relative is tried in the place of a victim who has none", () => {
    const alone = [...CROWDED.steps, scanOf("wronged", 50, "C", 5)];
    const segments = { ...CROWDED.segments, C: { seed: 4, family: 33, length: 20 } };
    const { end } = run({ ...CROWDED, segments, steps: alone }, "wronged", takesItsCells);
    expect(order(end)).toEqual(["sharer", "victim", "cancel", "wait", "fill1", "fill2", "fill3"]);
  });

  test("the fillers' cells have no digit group of the victim's", () => {
    const { end } = run(CROWDED, "victim", takesItsCells);
    const groups = (family: number) => [family >> 4, (family >> 2) & 3, family & 3];
    const own = groups(end.segments.P!.family);
    for (const [digit, group] of groups(end.segments.Fill1!.family).entries()) expect(group).not.toBe(own[digit]);
  });

  test("fillers go before the others too, who wait for them or do not", () => {
    const { end, offered } = run(CROWDED, "victim", () => false);
    expect(end).toEqual(CROWDED);
    const orders = offered.map(order);
    expect(orders).toContainEqual(["fill1", "fill2", "sharer", "victim", "cancel"]);
    expect(orders).toContainEqual(["fill1", "fill2", "wait", "sharer", "victim", "cancel"]);
  });

  test("a victim answers for longer: a scan as long as it likes, a narrow read as far as its cells go", () => {
    const answers = (trace: Trace) =>
      run(trace, "victim", () => false).offered.map(
        ({ steps }) => steps.filter(isSend).find((s) => s.send === "victim")!.maxTokens,
      );
    expect(new Set(answers(CROWDED))).toEqual(new Set([64]));
    const narrow = CROWDED.steps.map(
      (s): Step =>
        isSend(s) && s.send === "victim" ? { ...s, prompt: [{ seg: "P" }, { read: "narrow", back: 30 }] } : s,
    );
    expect(new Set(answers({ ...CROWDED, steps: narrow }))).toEqual(new Set([30]));
  });

  test("nothing is offered where nobody is wronged or shares with a cancelled one, or as few requests as fillers would be", () => {
    const uncancelled = { ...CROWDED, steps: CROWDED.steps.filter((s) => !("cancel" in s)) };
    expect(run(uncancelled, undefined, () => true).offered).toEqual([]);
    expect(run(uncancelled, "someone else", () => true).offered).toEqual([]);
    const few = { ...CROWDED, steps: CROWDED.steps.slice(0, 5) };
    expect(run(few, "victim", () => true).offered).toEqual([]);
  });
});
