import { expect, test } from "vitest";
import { exampleFinding } from "../src/report/example.ts";
import { isSend, type Trace } from "../src/trace/schema.ts";
import { tracerShape } from "../src/tracer/shape.ts";
import { refuseUnmetNeeds } from "./needs.ts";

const { trace, target } = exampleFinding();

function withPriority(): Trace {
  return { ...trace, steps: trace.steps.map((s) => (isSend(s) ? { ...s, priority: 1 } : s)) };
}

test("a trace whose options the target knows is taken, another is refused by the option's name", () => {
  expect(() => refuseUnmetNeeds(trace, target)).not.toThrow();
  expect(() => refuseUnmetNeeds(withPriority(), { ...target, options: ["seed", "priority"] })).not.toThrow();
  expect(() => refuseUnmetNeeds(withPriority(), { ...target, options: ["seed"] })).toThrow(
    expect.objectContaining({
      code: "UNSUPPORTED_BY_TARGET",
      message: expect.stringContaining("step 1 has the option priority, the target knows seed"),
      hint: "vLLM: start it with --scheduling-policy priority.",
    }),
  );
  expect(() => refuseUnmetNeeds(withPriority(), target)).toThrow("the target knows no options");
});

test("a read that reaches beyond the window of the target's model is refused", () => {
  const windowed = (window: number) => ({
    ...target,
    written: { ...target.written, shape: tracerShape({ window }) },
  });
  // The example asks 32 cells back.
  expect(() => refuseUnmetNeeds(trace, windowed(35))).not.toThrow();
  expect(() => refuseUnmetNeeds(trace, windowed(34))).toThrow(
    "request r2 asks for cells that have left the model's window of 34",
  );
});
