import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runEventSchema } from "./events.ts";

const page = readFileSync("docs/events.md", "utf8");
const names = runEventSchema.options.map((option) => option.shape.e.value);

test("the example in docs/events.md has every event but the summary, in order of time", () => {
  const lines = /```jsonl\n([\s\S]*?)```/.exec(page)![1]!.trimEnd().split("\n");
  const events = lines.map((line) => runEventSchema.parse(JSON.parse(line)));
  expect(events.map(({ e }) => e)).toEqual(expect.arrayContaining(names.filter((name) => name !== "summary")));
  const times = events.map(({ t }) => t);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("docs/events.md names every event and every field of its own", () => {
  const fields = runEventSchema.options.flatMap((option) => Object.keys(option.shape));
  expect(fields).toContain("promptTokens");
  expect([...names, ...fields].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
