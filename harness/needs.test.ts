import { expect, test } from "vitest";
import { exampleFinding } from "../src/report/example.ts";
import { isSend, type Trace } from "../src/trace/schema.ts";
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
