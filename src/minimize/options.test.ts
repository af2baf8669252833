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

test("where the base model is named it stays named, and takes the place of an adapter that is not needed", () => {
  const adapters = ["a1", "base", "a2"] as const;
  const steps = TRACE.steps.slice(0, 2).concat({ ...TRACE.steps[0]!, at: 2, send: "r3" } as (typeof TRACE.steps)[0]);
  const named = validateTrace({ ...TRACE, steps: steps.map((s, i) => ({ ...s, adapter: adapters[i] })) });
  const left = (t: typeof TRACE) => t.steps.map((s) => (isSend(s) ? s.adapter : undefined));
  const pass = dropOptions(named);
  let next = pass.next();
  while (!next.done) next = pass.next(next.value !== null && left(next.value)[2] === "a2");
  expect(left(next.value)).toEqual(["base", "base", "a2"]);
});
