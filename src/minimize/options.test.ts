import { expect, test } from "vitest";
import { optionsIn } from "../trace/options.ts";
import { validateTrace } from "../trace/read.ts";
import { isSend } from "../trace/schema.ts";
import { dropOptions } from "./options.ts";

const TRACE = validateTrace({
  crosstalk: "crosstalk-trace/1",
  name: "options",
  segments: { A: { seed: 1, family: 0, length: 20 } },
  steps: [
    { at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 4, stop: true, seed: 1, salt: "s" },
    { at: 1, send: "r2", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 4, priority: 2, salt: "s" },
    { at: 2, cancel: "r2" },
  ],
});

test("only the options that the failure needs stay", () => {
  const options = (t: typeof TRACE) => t.steps.map((s) => (isSend(s) ? optionsIn(s) : []));
  const pass = dropOptions(TRACE);
  let next = pass.next();
  while (!next.done) {
    const fails =
      next.value !== null && options(next.value)[0]!.includes("stop") && options(next.value)[1]!.includes("salt");
    next = pass.next(fails);
  }
  expect(options(next.value)).toEqual([["stop"], ["salt"], []]);
  expect(validateTrace(next.value)).toEqual(next.value);
});
