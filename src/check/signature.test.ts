import { expect, test } from "vitest";
import { exampleFinding } from "../report/example.ts";
import { isCancel } from "../trace/schema.ts";
import type { Finding } from "./finding.ts";
import { mayBeAnother, signatureOf } from "./signature.ts";

const example = exampleFinding();
const { trace } = example;
const withoutCancels = { ...trace, steps: trace.steps.filter((step) => !isCancel(step)) };
const under = (adapter: "a1"): typeof trace => ({
  ...trace,
  steps: trace.steps.map((step) => ("send" in step ? { ...step, adapter } : step)),
});

test("a signature holds engine, law, class and what the trace needs", () => {
  expect(signatureOf(example)).toBe("llama.cpp/own-cells-only/foreign-or-stale-read/cancel");
  expect(signatureOf({ ...example, trace: withoutCancels })).toMatch(/\/plain$/);
  expect(signatureOf({ ...example, trace: under("a1") })).toMatch(/\/cancel\+adapter$/);
});

test("seeds, lengths, names and the owner's being at work are no part of it", () => {
  const other: Finding = {
    ...example,
    id: "own-cells-only-000000",
    anomaly: { ...example.anomaly, class: "stale read", request: "r9", origins: [] },
    trace: { ...trace, name: "other", segments: { ...trace.segments, C: { seed: 9, family: 1, length: 40 } } },
  };
  expect(signatureOf(other)).toBe(signatureOf(example));
  expect(signatureOf({ ...example, anomaly: { ...example.anomaly, class: "torn read" } })).not.toBe(
    signatureOf(example),
  );
});

test("a failure may be the finding once more where law and class fit and nothing that it needs is missing", () => {
  const raw = { law: { id: "own-cells-only" }, trace: under("a1"), anomaly: example.anomaly };
  expect(mayBeAnother(example, raw)).toBe(true);
  expect(mayBeAnother(example, { ...raw, trace: withoutCancels })).toBe(false);
  expect(mayBeAnother(example, { ...raw, law: { id: "settles" } })).toBe(false);
  expect(mayBeAnother(example, { ...raw, anomaly: { ...example.anomaly, class: "lost tail" } })).toBe(false);
});
