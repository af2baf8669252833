import { describe, expect, test } from "vitest";
import { ARMS } from "../history/schema.ts";
import { isCancel, isSend, type Step, TRACE_VERSION, type Trace, traceSchema } from "../trace/schema.ts";
import { forArm } from "./arms.ts";

const scan = { read: "scan" } as const;
const trace: Trace = {
  crosstalk: TRACE_VERSION,
  name: "arms",
  segments: { A: { seed: 1, family: 0, length: 32 }, B: { seed: 2, family: 21, length: 16 } },
  steps: [
    { at: 0, send: "r1", prompt: [{ seg: "A" }, scan], maxTokens: 8 },
    { at: 0, cancel: "r1", afterTokens: 2 },
    { at: 1, send: "r2", prompt: [{ seg: "A" }, { seg: "B" }, scan], maxTokens: 8, cache: true },
    { at: 1, wait: "r1" },
    { at: 5, flush: true },
    { at: 6, cancel: "r2" },
    { at: 6, send: "r3", prompt: [{ seg: "B" }, scan], maxTokens: 8 },
    { at: 7, cancel: "r3", afterMs: 2 },
  ],
};

describe.each(ARMS)("arm %s", (arm) => {
  test("is a valid trace with the same requests in the same order", () => {
    const changed = forArm(trace, arm);
    expect(traceSchema.safeParse(changed).error).toBeUndefined();
    expect(changed.steps.filter(isSend).map((s) => s.send)).toEqual(["r1", "r2", "r3"]);
    expect(changed.segments).toEqual(trace.segments);
  });

  test("does not change its input, and twice is as good as once", () => {
    const before = structuredClone(trace);
    const once = forArm(trace, arm);
    expect(trace).toEqual(before);
    expect(forArm(once, arm)).toEqual(once);
  });
});

test("main and fresh-server run the trace as it stands", () => {
  expect(forArm(trace, "main")).toBe(trace);
  expect(forArm(trace, "fresh-server")).toBe(trace);
});

test("serialised: each request settles before the next step, its cancels still follow it", () => {
  expect(forArm(trace, "serialised").steps.map(brief)).toEqual([
    "0 send r1",
    "0 cancel r1 after 2 tokens",
    "0 wait r1",
    "1 send r2",
    "1 cancel r2 after 5 ms",
    "1 wait r2",
    "5 flush",
    "6 send r3",
    "6 cancel r3 after 2 ms",
    "6 wait r3",
  ]);
});

test("no-cache changes sends only", () => {
  const { steps } = forArm(trace, "no-cache");
  expect(steps.filter(isSend).every((s) => s.cache === false)).toBe(true);
  expect(steps.filter((s) => !isSend(s))).toEqual(trace.steps.filter((s) => !isSend(s)));
});

test("no-cancels drops cancels only", () => {
  expect(forArm(trace, "no-cancels").steps).toEqual(trace.steps.filter((s) => !isCancel(s)));
});

function brief(step: Step): string {
  if (isSend(step)) return `${step.at} send ${step.send}`;
  if (isCancel(step)) {
    const delay = step.afterTokens === undefined ? `${step.afterMs} ms` : `${step.afterTokens} tokens`;
    return `${step.at} cancel ${step.cancel} after ${delay}`;
  }
  return "wait" in step ? `${step.at} wait ${step.wait}` : `${step.at} flush`;
}

test("serialised asks for one choice: those of a request run at once", () => {
  const several = { ...trace, steps: trace.steps.map((step) => (isSend(step) ? { ...step, n: 3 } : step)) };
  expect(forArm(several, "serialised")).toEqual(forArm(trace, "serialised"));
  expect(forArm(several, "no-cancels").steps.filter(isSend)).toEqual(several.steps.filter(isSend));
});
