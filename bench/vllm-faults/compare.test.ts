import { describe, expect, test } from "vitest";
import { addTrace, compare, isFound, NOTHING_COMPARED } from "./compare.ts";

const finished = (...tokens: number[]) => ({ status: "finished", tokens }) as const;
const cancelled = (...tokens: number[]) => ({ status: "cancelled", tokens }) as const;

describe("an answer against its reference", () => {
  test.each([
    ["the same", finished(1, 2), finished(1, 2), "same"],
    ["another token", finished(1, 3), finished(1, 2), "differs"],
    ["shorter", finished(1), finished(1, 2), "differs"],
    ["longer", finished(1, 2, 3), finished(1, 2), "differs"],
    ["cancelled at its beginning", cancelled(1), finished(1, 2), "same"],
    ["cancelled before its first token", cancelled(), finished(1, 2), "same"],
    ["cancelled after another token", cancelled(2), finished(1, 2), "differs"],
    ["cancelled after more than there is", cancelled(1, 2, 3), finished(1, 2), "differs"],
    ["failed", { status: "failed", tokens: [2] }, finished(1, 2), "unanswered"],
    ["open", { status: "open", tokens: [1] }, finished(1, 2), "unanswered"],
    ["no finished reference", finished(1), cancelled(1), "unanswered"],
    ["no reference", finished(1), undefined, "unanswered"],
  ] as const)("%s", (_, answer, reference, comparison) => {
    expect(compare(answer, reference)).toBe(comparison);
  });
});

describe("a tally", () => {
  test("counts by trace and keeps the first difference", () => {
    let tally = addTrace(NOTHING_COMPARED, ["same", "unanswered"], 2);
    tally = addTrace(tally, ["same", "differs", "differs"], 5);
    tally = addTrace(tally, ["differs"], 7);
    expect(tally).toEqual({
      traces: 3,
      requests: 6,
      differ: 3,
      unanswered: 1,
      first: { requests: 4, seconds: 5 },
      seconds: 7,
    });
  });

  test("finds a fault by more differences than a clean server has", () => {
    const of = (differ: number) => ({ ...NOTHING_COMPARED, requests: 1000, differ });
    expect(isFound(of(0), of(0))).toBe(false);
    expect(isFound(of(1), of(0))).toBe(true);
    expect(isFound(of(6), of(5))).toBe(false);
    expect(isFound(of(60), of(5))).toBe(true);
  });
});
