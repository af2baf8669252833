import { expect, test } from "vitest";
import { validateTrace } from "../trace/read.ts";
import { isSend, promptLength } from "../trace/schema.ts";
import { generateTrace } from "./generate.ts";
import { cellsPerRequest, type TraceLimits } from "./limits.ts";

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
  options: ["session"],
  window: null,
};

test.each([1, 16])("sessions part behind an answer that ends with a block of %d", (blockSize) => {
  const limits = { ...LIMITS, blockSize };
  let forked = 0;
  let cancelled = 0;
  for (let seed = 0; seed < 30; seed++) {
    const trace = generateTrace(seed, limits);
    expect(validateTrace(trace)).toEqual(trace);
    const sends = trace.steps.filter(isSend);
    for (const opening of sends.filter(({ send }) => send.endsWith(".opening"))) {
      forked++;
      const cells = promptLength(trace, opening.prompt) + opening.maxTokens;
      expect(cells % blockSize).toBe(0);
      const after = sends.filter(({ send }) => send !== opening.send && send.startsWith(opening.session!));
      cancelled += after.filter(({ send }) => send.endsWith("x")).length;
      for (const { prompt, maxTokens, send } of after) {
        const at = opening.prompt.length;
        expect(prompt.slice(0, at)).toEqual(opening.prompt);
        const { answer } = prompt[at] as { answer: number };
        if (send.endsWith(".fork")) expect(answer).toBe(opening.maxTokens);
        else expect(answer).toBeLessThan(opening.maxTokens);
        expect(promptLength(trace, prompt) + maxTokens).toBeLessThanOrEqual(cellsPerRequest(limits));
      }
    }
  }
  expect(forked).toBeGreaterThan(10);
  expect(cancelled).toBeGreaterThan(3);
});

test("a target without sessions gets none", () => {
  for (let seed = 0; seed < 10; seed++) {
    const { steps } = generateTrace(seed, { ...LIMITS, options: ["salt"] });
    expect(steps.filter(isSend).every(({ send, session }) => session === undefined && /^r\d+$/.test(send))).toBe(true);
  }
});
