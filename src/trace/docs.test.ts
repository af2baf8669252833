import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseTrace } from "./read.ts";
import { traceSchema } from "./schema.ts";

const page = readFileSync("docs/trace.md", "utf8");

test("the example in docs/trace.md is a trace and shows every step", () => {
  const trace = parseTrace(/```json\n([\s\S]*?)```/.exec(page)![1]!, "docs/trace.md");
  const kinds = trace.steps.flatMap((step) => Object.keys(step));
  for (const kind of ["send", "cancel", "wait", "flush", "fault"]) expect(kinds).toContain(kind);
});

test("docs/trace.md names every field, value and limit of the schema", () => {
  const names = new Set<string>();
  JSON.stringify(z.toJSONSchema(traceSchema), (key, value) => {
    if (key === "properties") for (const name of Object.keys(value)) names.add(`\`${name}\``);
    if (key === "enum") for (const word of value) names.add(`\`${word}\``);
    if (key === "maximum" && value < Number.MAX_SAFE_INTEGER) names.add(value.toLocaleString("en-US"));
    return value;
  });
  expect([...names].filter((name) => !page.includes(name))).toEqual([]);
  expect(names).toContain("`afterTokens`");
});
