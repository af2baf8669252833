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

test("every option is used, about half of the requests have none, and what is sent stays the same", () => {
  const used = new Set<string>();
  let sends = 0;
  let bare = 0;
  let embeddings = 0;
  for (let seed = 0; seed < 20; seed++) {
    const trace = withAll(seed);
    expect(validateTrace(trace)).toEqual(trace);
    for (const step of trace.steps.filter(isSend)) {
      sends++;
      const options = optionsIn(step);
      if (step.embed) embeddings++;
      // Names change no answer, and come on top.
      if (options.every((option) => option === "requestId" || option === "session")) bare++;
      for (const option of options) used.add(option);
    }
    const plain = withDice(without(seed), OPTIONS, seed).steps;
    const embedded = plain.map((step, i) =>
      isSend(step) && (trace.steps[i] as SendStep).embed ? { ...step, maxTokens: 1 } : step,
    );
    // Behind it sessions may part from themselves.
    expect(trace.steps.slice(0, plain.length)).toMatchObject(embedded);
  }
  expect([...used].sort()).toEqual([...OPTIONS].sort());
  const plain = (bare + embeddings) / sends;
  expect(plain).toBeGreaterThan(0.4);
  expect(plain).toBeLessThan(0.6);
});

test("a target gets the options that it knows and no others", () => {
  for (let seed = 0; seed < 5; seed++) {
    const trace = generateTrace(seed, { ...LIMITS, options: ["salt"] });
    expect(new Set(trace.steps.filter(isSend).flatMap(optionsIn))).toEqual(new Set(["salt"]));
  }
});

test.each(["n", "grammar"] as const)("%s changes nothing else: a target without it gets the same trace", (left) => {
  const generating = OPTIONS.filter((option) => option !== "embed");
  for (let seed = 0; seed < 5; seed++) {
    const options = generating.filter((option) => option !== left);
    const { steps: asked } = generateTrace(seed, { ...LIMITS, options: generating });
    const steps = asked.map((step) => {
      if (!isSend(step)) return step;
      const { [left]: _, ...rest } = step;
      return rest;
    });
    expect(steps).toEqual(generateTrace(seed, { ...LIMITS, options }).steps);
  }
});

test("names change nothing else: a cancelled request's id comes again, and prompts that begin alike have one session", () => {
  let reused = 0;
  let turns = 0;
  const generating = OPTIONS.filter((option) => option !== "embed");
  for (let seed = 0; seed < 30; seed++) {
    const trace = generateTrace(seed, { ...LIMITS, options: generating });
    const steps = trace.steps.map((step) => {
      if (!isSend(step)) return step;
      const { requestId: _, session: __, ...one } = step;
      return one;
    });
    const options = generating.filter((option) => option !== "requestId" && option !== "session");
    const plain = generateTrace(seed, { ...LIMITS, options }).steps;
    expect(steps.slice(0, plain.length)).toEqual(plain);
    const sends = trace.steps.filter(isSend);
    const cancelled = new Set(trace.steps.flatMap((step) => ("cancel" in step ? step.cancel : [])));
    for (const { send, requestId } of sends.filter((step) => step.requestId !== undefined)) {
      const [first, ...others] = sends.filter((step) => step.requestId === requestId);
      expect(cancelled).toContain(first!.send);
      if (send !== first!.send) reused++;
      else expect(others.length).toBeLessThanOrEqual(3);
    }
    for (const { session, prompt } of sends.filter((step) => step.session?.startsWith("c"))) {
      const beginning = (parts: SendStep["prompt"]) => JSON.stringify(parts.find((part) => "seg" in part)?.seg);
      const same = sends.filter((step) => step.session === session);
      expect(new Set(same.map((step) => beginning(step.prompt)))).toEqual(new Set([beginning(prompt)]));
      if (same.length > 1) turns++;
    }
  }
  expect(reused).toBeGreaterThan(20);
  expect(turns).toBeGreaterThan(50);
});

test("some traces embed half of their plain prompts, all requests of one alike; the others stay as they are", () => {
  const generating = OPTIONS.filter((option) => option !== "embed");
  let mixed = 0;
  for (let seed = 0; seed < 20; seed++) {
    const trace = withAll(seed);
    const plain = generateTrace(seed, { ...LIMITS, options: generating });
    const sends = trace.steps.filter(isSend);
    const embedded = sends.filter(({ embed }) => embed);
    if (embedded.length === 0) {
      expect(trace).toEqual(plain);
      continue;
    }
    mixed++;
    expect(sends.length).toBeGreaterThan(embedded.length);
    const prompts = new Set(embedded.map(({ prompt }) => JSON.stringify(prompt)));
    for (const { embed, prompt } of sends) expect(embed ?? false).toBe(prompts.has(JSON.stringify(prompt)));
    const others = (steps: typeof trace.steps) =>
      steps.filter((step) => !isSend(step) || !prompts.has(JSON.stringify(step.prompt)));
    expect(others(trace.steps)).toEqual(others(plain.steps));
  }
  expect(mixed).toBeGreaterThan(2);
  expect(mixed).toBeLessThan(14);
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
