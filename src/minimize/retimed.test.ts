import { expect, test } from "vitest";
import { isCancel, isSend, type Part, promptLength, type Trace, traceSchema } from "../trace/schema.ts";
import { beyondWindow } from "../trace/window.ts";
import { createMinimizer } from "./minimizer.ts";
import { dropRetimed } from "./retimed.ts";
import { runPass, scanOf } from "./testing/run-pass.ts";

const CONTEXT = 512;

/** Twelve requests, 10 ms apart. */
const LINE: Trace = traceSchema.parse({
  crosstalk: "crosstalk-trace/1",
  name: "a line",
  segments: { A: { seed: 1, family: 5, length: 64 } },
  steps: Array.from({ length: 12 }, (_, i) => scanOf(`r${i}`, 10 * i, "A", 8)),
});

const sends = (trace: Trace) => trace.steps.filter(isSend);
const run = (trace: Trace, holds: (trace: Trace) => boolean) => runPass(dropRetimed(trace, CONTEXT), holds);

const isNarrow = (part: Part) => "read" in part && part.read === "narrow" && part.back === 64;

/** A server on which each request takes the time of its answer: a failure needs the last one to end at a moment. */
const moment = (trace: Trace) => sends(trace).reduce((sum, s) => sum + s.maxTokens, 0) >= 96;

test("requests that only pass the time go, and others that answer longer pass it", () => {
  const { end } = run(LINE, moment);
  expect(sends(end).length).toBeLessThanOrEqual(4);
  expect(moment(end)).toBe(true);
});

test("where only cells that nobody wrote tell, the failure needs few requests once one reads its cells one by one", () => {
  const unwritten = (trace: Trace) =>
    sends(trace).length >= 12 || sends(trace).some(({ prompt }) => isNarrow(prompt.at(-1)!));
  const { end } = run(LINE, unwritten);
  expect(sends(end).length).toBeLessThanOrEqual(4);
  expect(sends(end).map(({ prompt }) => prompt.at(-1))).toContainEqual({ read: "narrow", back: 64 });
});

test("no other pass finds that: a reduction ends with few requests where a failure needs a moment", () => {
  const minimizer = createMinimizer(LINE, { repeats: 1, budget: 2000, contextTokens: CONTEXT });
  for (let candidate = minimizer.next(); candidate !== null; candidate = minimizer.next())
    minimizer.observe(candidate, [moment(candidate.trace)]);
  expect(minimizer.result().to.requests).toBeLessThanOrEqual(4);
});

test("a model with a window is asked for nothing that has left it", () => {
  const window = 48;
  const minimizer = createMinimizer(LINE, { repeats: 1, budget: 2000, contextTokens: CONTEXT, window });
  let tried = 0;
  for (let candidate = minimizer.next(); candidate !== null; candidate = minimizer.next(), tried++) {
    expect(beyondWindow(candidate.trace, window)).toBe(null);
    minimizer.observe(candidate, [candidate.purpose === "calibrate"]);
  }
  expect(tried).toBeGreaterThan(60);
});

test("fewer requests are offered each time, none longer than the target takes, and each trace is one that can run", () => {
  const cancelled = { ...LINE, steps: [...LINE.steps, { at: 110, cancel: "r11" }] };
  const { end, offered } = run(cancelled, () => false);
  expect(end).toEqual(cancelled);
  for (const trace of offered) {
    expect(traceSchema.safeParse(trace).success).toBe(true);
    expect(sends(trace).length).toBeLessThan(12);
    for (const s of sends(trace)) expect(promptLength(trace, s.prompt) + s.maxTokens).toBeLessThanOrEqual(CONTEXT);
  }
  expect(offered.some((trace) => trace.steps.some(isCancel))).toBe(true);
});

test("the same trace is offered the same, and one with few requests nothing", () => {
  expect(run(LINE, () => false).offered).toEqual(run(LINE, () => false).offered);
  expect(run({ ...LINE, steps: LINE.steps.slice(8) }, () => true).offered).toEqual([]);
});
