import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseHistory } from "./jsonl.ts";
import { eventSchema, headerSchema } from "./schema.ts";

const page = readFileSync("docs/history.md", "utf8");
const eventNames = eventSchema.options.map((option) => option.shape.e.value);

test("the example in docs/history.md is a whole history with every event but the loss of the server", () => {
  const example = /```jsonl\n([\s\S]*?)```/.exec(page)![1]!;
  const { history, truncated } = parseHistory(example, "docs/history.md");
  expect(truncated).toBeNull();
  expect(new Set(history.events.map((event) => event.e))).toEqual(
    new Set(eventNames.filter((name) => name !== "lost")),
  );
  const times = history.events.map((event) => event.t);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("docs/history.md names every field and value of the schemas", () => {
  const names = new Set<string>(eventNames);
  for (const schema of [headerSchema, eventSchema]) {
    JSON.stringify(z.toJSONSchema(schema), (key, value) => {
      if (key === "properties") for (const name of Object.keys(value)) names.add(name);
      if (key === "enum") for (const word of value) names.add(word);
      return value;
    });
  }
  expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  expect(names).toContain("latenessP99");
});
