import { describe, expect, test } from "vitest";
import { formatPrompt } from "../trace/print.ts";
import { formatTrace } from "../trace/read.ts";
import { isCancel, isSend, promptLength, traceSchema } from "../trace/schema.ts";
import { limitsOf } from "./limits.ts";
import { SCENARIOS, scenario, scenariosFor } from "./scenarios.ts";

const targets = [
  { blockSize: 16, poolCells: 1024, maxRunning: 4, contextTokens: 512, topology: "single" as const },
  { blockSize: 1, poolCells: 4096, maxRunning: 4, contextTokens: 1024, topology: "single" as const },
  { blockSize: 16, poolCells: 128, maxRunning: 2, contextTokens: 64, topology: "pd" as const },
];

describe.each(SCENARIOS)("%s", (name) => {
  test.each(targets)("is a valid small trace for %o", (target) => {
    const limits = limitsOf(target);
    const trace = scenario(name, limits);
    expect(traceSchema.safeParse(trace).error).toBeUndefined();
    expect(trace.name).toBe(name);
    const sends = trace.steps.filter(isSend);
    expect(sends.length).toBeLessThanOrEqual(40);
    for (const s of sends)
      expect(promptLength(trace, s.prompt) + s.maxTokens).toBeLessThanOrEqual(limits.contextTokens);
    expect(formatTrace(scenario(name, limits))).toBe(formatTrace(trace));
  });

  test("has what the laws need to say pass: twins, a shared prefix, a cancel", () => {
    const { steps } = scenario(name, limitsOf(targets[0]!));
    expect(steps.some(isCancel)).toBe(true);
    const kept = steps.filter(isSend).filter((s) => !steps.some((c) => isCancel(c) && c.cancel === s.send));
    const asked = kept.map((s) => JSON.stringify([s.at, s.prompt, s.maxTokens]));
    expect(new Set(asked).size).toBeLessThan(asked.length);
  });
});

test("a target is spared the scenarios that are about options it does not know", () => {
  const about = {
    grammar: "grammars-in-rows",
    embed: "embeddings-at-once",
    session: "turn-cut-off",
    requestId: "ids-again",
  };
  const options = Object.keys(about) as (keyof typeof about)[];
  expect(scenariosFor({ options })).toEqual(SCENARIOS);
  for (const left of options) {
    const known = options.filter((option) => option !== left);
    expect(scenariosFor({ options: known })).toEqual(SCENARIOS.filter((name) => name !== about[left]));
  }
});

test("rows with parameters of their own leave the batch beside dice without any, where the target knows some", () => {
  for (const options of [["presence"], ["seed"]] as const) {
    const { steps } = scenario("rows-out-of-order", limitsOf({ ...targets[0]!, options }));
    const sends = steps.filter(isSend);
    const dice = sends.filter((s) => formatPrompt(s.prompt).includes("dice."));
    expect(dice.some((s) => s.presence === undefined)).toBe(true);
    expect(sends.some((s) => s[options[0]] !== undefined)).toBe(true);
    expect(sends.some((s) => s.allow !== undefined)).toBe(false);
  }
});

test("rows that list their allowed tokens leave the batch beside rows that do not, where the target knows that", () => {
  const { steps } = scenario("rows-out-of-order", limitsOf({ ...targets[0]!, options: ["presence", "allow"] }));
  const listed = steps.filter(isSend).map((s) => s.allow === true);
  expect(new Set(listed)).toEqual(new Set([true, false]));
});
