import { expect, test } from "vitest";
import { OPTIONS, optionsIn } from "../trace/options.ts";
import { validateTrace } from "../trace/read.ts";
import { isSend, type SendStep } from "../trace/schema.ts";
import { withDice } from "./dice.ts";
import { generateTrace } from "./generate.ts";
import type { TraceLimits } from "./limits.ts";
import { withBaseNamed } from "./options.ts";

const LIMITS: TraceLimits = {
  blockSize: 16,
  poolCells: 1024,
  maxRunning: 8,
  contextTokens: 256,
  topology: "single",
  requests: 36,
  supportsFlush: false,
  preempts: true,
  toleranceMs: 50,
  options: [],
  window: null,
};

const without = (seed: number) => generateTrace(seed, LIMITS);
const withAll = (seed: number) => generateTrace(seed, { ...LIMITS, options: OPTIONS });

test("every option is used, most requests have none, and what is sent stays the same", () => {
  const used = new Set<string>();
  let sends = 0;
  let bare = 0;
  for (let seed = 0; seed < 20; seed++) {
    const trace = withAll(seed);
    expect(validateTrace(trace)).toEqual(trace);
    for (const step of trace.steps.filter(isSend)) {
      sends++;
      const options = optionsIn(step);
      if (options.length === 0) bare++;
      for (const option of options) used.add(option);
    }
    const plain = withDice(without(seed), OPTIONS, seed).steps;
    expect(trace.steps).toMatchObject(plain);
  }
  expect([...used].sort()).toEqual([...OPTIONS].sort());
  expect(bare / sends).toBeGreaterThan(0.5);
  expect(bare / sends).toBeLessThan(0.7);
});

test("a target gets the options that it knows and no others", () => {
  for (let seed = 0; seed < 5; seed++) {
    const trace = generateTrace(seed, { ...LIMITS, options: ["salt"] });
    expect(new Set(trace.steps.filter(isSend).flatMap(optionsIn))).toEqual(new Set(["salt"]));
  }
});

test("choices change nothing else: a target without them gets the same trace", () => {
  for (let seed = 0; seed < 5; seed++) {
    const options = OPTIONS.filter((option) => option !== "n");
    const steps = withAll(seed).steps.map((step) => {
      if (!isSend(step)) return step;
      const { n: _, ...one } = step;
      return one;
    });
    expect(steps).toEqual(generateTrace(seed, { ...LIMITS, options }).steps);
  }
});

test("a trace has two adapters at most, and can name the base model everywhere else", () => {
  for (let seed = 0; seed < 5; seed++) {
    const trace = generateTrace(seed, { ...LIMITS, options: ["adapter"] });
    const named = new Set(trace.steps.filter(isSend).flatMap(({ adapter }) => adapter ?? []));
    expect(named.size).toBeGreaterThan(0);
    expect(named.size).toBeLessThanOrEqual(2);
    const all = withBaseNamed(trace);
    expect(validateTrace(all)).toEqual(all);
    for (const [i, step] of all.steps.entries())
      if (isSend(step)) expect(step.adapter).toBe((trace.steps[i] as SendStep).adapter ?? "base");
  }
});

test("the same seed gives the same trace", () => {
  expect(withAll(3)).toEqual(withAll(3));
});
