import { expect, test } from "vitest";
import { validateTrace } from "../trace/read.ts";
import { beyondWindow } from "../trace/window.ts";
import { tracerShape } from "../tracer/shape.ts";
import { generateTrace } from "./generate.ts";
import { limitsOf } from "./limits.ts";
import { SCENARIOS, scenario } from "./scenarios.ts";
import { withinWindow } from "./window.ts";

const TARGET = { blockSize: 16, poolCells: 1024, maxRunning: 4, contextTokens: 512, topology: "single" as const };
const shape = tracerShape({ window: 64 });
const limits = limitsOf({ ...TARGET, written: { shape, format: "hf", dtype: "f32" } });

test("traces for a model with a window ask for nothing that has left it; without the cut some would", () => {
  const far = limitsOf(TARGET);
  expect(limits.window).toBe(64);
  for (const name of SCENARIOS) expect(beyondWindow(scenario(name, limits), 64)).toBeNull();
  let beyond = 0;
  for (let seed = 0; seed < 10; seed++) {
    const trace = generateTrace(seed, limits);
    expect(validateTrace(trace)).toEqual(trace);
    expect(beyondWindow(trace, 64)).toBeNull();
    if (beyondWindow(generateTrace(seed, far), 64) !== null) beyond++;
  }
  expect(beyond).toBeGreaterThan(5);
});

test("a nonce and a find read that a long context cannot have go; a short one keeps them", () => {
  const of = (cells: number) =>
    validateTrace({
      crosstalk: "crosstalk-trace/1",
      name: "marks",
      segments: { D: { seed: 1, family: 3, length: cells, distinct: true } },
      steps: [
        { at: 0, send: "n", prompt: [{ nonce: 1 }, { seg: "D" }, { read: "narrow", back: 9 }], maxTokens: 8 },
        { at: 0, send: "f", prompt: [{ seg: "D" }, { read: "find", back: cells - 4 }], maxTokens: 8 },
      ],
    });
  expect(withinWindow(of(40), 64)).toEqual(of(40));
  expect(withinWindow(of(100), 64).steps).toMatchObject([
    { prompt: [{ seg: "D" }, { read: "narrow", back: 9 }] },
    { prompt: [{ seg: "D" }, { read: "scan" }] },
  ]);
});

test("a read that reaches back to the nonce comes nearer when the nonce goes", () => {
  const far = { read: "narrow", back: 55 } as const;
  const trace = validateTrace({
    crosstalk: "crosstalk-trace/1",
    name: "to the nonce",
    segments: { S: { seed: 1, family: 3, length: 54 } },
    steps: [
      { at: 0, send: "n", prompt: [{ nonce: 1 }, { seg: "S" }, far], maxTokens: 8 },
      { at: 0, send: "m", prompt: [{ nonce: 1 }, { seg: "S" }, far, { answer: 4 }, { read: "scan" }], maxTokens: 8 },
    ],
  });
  const near = { read: "narrow", back: 54 };
  expect(validateTrace(withinWindow(trace, 64)).steps).toMatchObject([
    { prompt: [{ seg: "S" }, near] },
    { prompt: [{ seg: "S" }, near, { answer: 4 }, { read: "scan" }] },
  ]);
});
