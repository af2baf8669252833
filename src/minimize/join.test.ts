import { expect, test } from "vitest";
import { isSend, promptLength, type Trace, traceSchema } from "../trace/schema.ts";
import { joinRequests } from "./join.ts";
import { createMinimizer } from "./minimizer.ts";
import { runPass } from "./testing/run-pass.ts";

const CONTEXT = 512;
const NEEDED = 1200;

/** A victim among requests of 101 tokens each, which fill the pool of a server. */
const FULL: Trace = traceSchema.parse({
  crosstalk: "crosstalk-trace/1",
  name: "a full pool",
  needs: { contextTokens: 160 },
  segments: { A: { seed: 1, family: 5, length: 100 }, B: { seed: 2, family: 9, length: 100 } },
  steps: Array.from({ length: 16 }, (_, i) => ({
    at: i,
    send: i === 15 ? "victim" : `r${i}`,
    prompt: [{ seg: i % 2 === 0 ? "A" : "B" }, { read: "narrow", back: 40 }],
    maxTokens: 20,
  })),
});

const cells = (trace: Trace) =>
  trace.steps.filter(isSend).reduce((sum, s) => sum + promptLength(trace, s.prompt) + s.maxTokens, 0);
const requests = (trace: Trace) => trace.steps.filter(isSend).map((s) => s.send);
const longest = (trace: Trace) =>
  Math.max(...trace.steps.filter(isSend).map((s) => promptLength(trace, s.prompt) + s.maxTokens));
const fails = (trace: Trace) => requests(trace).includes("victim") && cells(trace) >= NEEDED;

const join = (contextTokens: number): Trace => runPass(joinRequests(FULL, ["victim"], contextTokens), fails).end;

test("few long requests take the place of many, none longer than the target takes, and the victim stays as it is", () => {
  const joined = join(CONTEXT);
  expect(requests(joined).length).toBeLessThanOrEqual(5);
  expect(longest(joined)).toBeLessThanOrEqual(CONTEXT);
  expect(joined.needs!.contextTokens).toBe(longest(joined));
  expect(cells(joined)).toBe(cells(FULL));
  expect(joined.steps.at(-1)).toEqual(FULL.steps.at(-1));
});

test("where no request may be longer, none goes", () => {
  expect(join(longest(FULL))).toEqual(FULL);
});

test("a reduction ends with few requests, as long as the failure needs them together", () => {
  const minimizer = createMinimizer(FULL, { repeats: 1, budget: 2000, contextTokens: CONTEXT, suspects: ["victim"] });
  // The names change: the last request is the victim.
  const full = (trace: Trace) => cells(trace) >= NEEDED;
  for (let candidate = minimizer.next(); candidate !== null; candidate = minimizer.next())
    minimizer.observe(candidate, [full(candidate.trace)]);
  const { trace, to } = minimizer.result();
  expect(to.requests).toBeLessThanOrEqual(4);
  expect(cells(trace)).toBe(NEEDED);
});
