import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { summarySchema } from "../report/summary.ts";
import { EXIT } from "./exit.ts";

const page = readFileSync("docs/summary.md", "utf8");

test("the example in docs/summary.md is a summary", () => {
  summarySchema.parse(JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!));
});

test("docs/summary.md names every field and value of the schema, and every exit code", () => {
  const names = new Set<string>();
  JSON.stringify(z.toJSONSchema(summarySchema), (key, value) => {
    if (key === "properties") for (const name of Object.keys(value)) names.add(name);
    if (key === "enum") for (const word of value) names.add(word);
    return value;
  });
  // `main` is the trace itself and never a control arm.
  names.delete("main");
  expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  for (const code of Object.values(EXIT)) expect(page).toContain(`| ${code} |`);
});
