import { expect, test } from "vitest";
import { counterDifference, labelsOf, namedValues } from "./prometheus.ts";

const TEXT = `# HELP e:tokens_total Tokens
# TYPE e:tokens_total counter
e:tokens_total{engine="0"} 3
e:tokens_total{engine="1",note="a } b"} 4
e:cached_total 1.5e1
e:ratio NaN
e:info{size="32",path="a, \\"b\\"} c"} 1
`;

test("samples of a series are added, all or those with the labels asked for; what is no number is unknown", () => {
  const names = { all: ["e:tokens_total"], one: ['e:tokens_total{engine="1"}'], ratio: ["e:ratio"] };
  expect(namedValues(TEXT, names)).toEqual({ all: 7, one: 4 });
});

test("labels of an info metric are read, whatever stands in them", () => {
  expect(labelsOf(TEXT, "e:info")).toEqual({ size: "32", path: 'a, "b"} c' });
  expect(labelsOf(TEXT, "e:other")).toBeNull();
});

test("a name is the sum of its series, and unknown where one is missing", () => {
  const names = { all: ["e:tokens_total", "e:cached_total"], preemptions: ["e:preemptions_total"] };
  expect(namedValues(TEXT, names)).toEqual({ all: 22 });
});

test("a difference needs both ends, and a counter that went back is unknown", () => {
  expect(counterDifference({ a: 1, b: 5, c: 0 }, { a: 4, b: 2, d: 9, c: 0 })).toEqual({ a: 3, c: 0 });
});
