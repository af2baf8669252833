import { expect, test } from "vitest";
import { counterDifference, namedValues, parsePrometheus } from "./prometheus.ts";

const TEXT = `# HELP e:tokens_total Tokens
# TYPE e:tokens_total counter
e:tokens_total{engine="0"} 3
e:tokens_total{engine="1",note="a } b"} 4
e:cached_total 1.5e1
e:ratio NaN
`;

test("series that differ in labels are added; what is no number is left out", () => {
  expect([...parsePrometheus(TEXT)]).toEqual([
    ["e:tokens_total", 7],
    ["e:cached_total", 15],
  ]);
});

test("a name is the sum of its series, and unknown where one is missing", () => {
  const names = { all: ["e:tokens_total", "e:cached_total"], preemptions: ["e:preemptions_total"] };
  expect(namedValues(TEXT, names)).toEqual({ all: 22 });
});

test("a difference needs both ends, and a counter that went back is unknown", () => {
  expect(counterDifference({ a: 1, b: 5, c: 0 }, { a: 4, b: 2, d: 9, c: 0 })).toEqual({ a: 3, c: 0 });
});
