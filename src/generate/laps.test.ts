import { expect, test } from "vitest";
import { isSend, promptLength } from "../trace/schema.ts";
import { generateTrace } from "./generate.ts";
import { cellsPerRequest, limitsOf } from "./limits.ts";

test("some requests read their own answers again, and all stay within the limits", () => {
  const limits = limitsOf({ blockSize: 16, poolCells: 1024, maxRunning: 4, contextTokens: 256, topology: "single" });
  let laps = 0;
  for (let seed = 0; seed < 20; seed++) {
    const trace = generateTrace(seed, limits);
    for (const step of trace.steps.filter(isSend)) {
      const read = step.prompt.at(-1)!;
      if ("read" in read && read.read === "narrow" && step.maxTokens > read.back + 3) laps++;
      expect(promptLength(trace, step.prompt) + step.maxTokens).toBeLessThanOrEqual(cellsPerRequest(limits));
    }
  }
  expect(laps).toBeGreaterThan(20);
});
