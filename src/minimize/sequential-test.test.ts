import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { answer, type Question, silenceToRefuse, type Tally } from "./sequential-test.ts";

const TRACES = 4000;

/** Asks of many traces that fail at `rate`; gives the share that is kept, and the runs it took for each. */
function ask(question: Question, rate: number, seed: number): { readonly kept: number; readonly runs: number } {
  const random = seededRandom(seed);
  let [kept, runs] = [0, 0];
  for (let i = 0; i < TRACES; i++) {
    let tally: Tally = { failed: 0, runs: 0 };
    while (answer(question, tally) === "open")
      tally = { failed: tally.failed + (random.next() < rate ? 1 : 0), runs: tally.runs + 1 };
    if (answer(question, tally) === "kept") kept++;
    runs += tally.runs;
  }
  return { kept: kept / TRACES, runs: runs / TRACES };
}

describe.each([0.1, 0.3, 0.5, 0.93])("a trace that fails in %d of the runs", (rate) => {
  const question: Question = { rate, share: 0.5, miss: 0.05, luck: 0.1 };

  test("is refused no more often than was said", () => {
    // Wald's bound, and three standard errors of the simulation.
    expect(1 - ask(question, rate, 1).kept).toBeLessThan(0.05 / 0.9 + 0.011);
  });

  test("is told from one that fails half as often, no more often wrongly than was said", () => {
    expect(ask(question, rate / 2, 2).kept).toBeLessThan(0.1 / 0.95 + 0.016);
  });

  test("is refused after so many silent runs as were said, and not before", () => {
    const silent = silenceToRefuse(question, { failed: 0, runs: 0 });
    expect(answer(question, { failed: 0, runs: silent })).toBe("refused");
    expect(answer(question, { failed: 0, runs: silent - 1 })).toBe("open");
    const after = silenceToRefuse(question, { failed: 1, runs: 1 });
    expect(answer(question, { failed: 1, runs: 1 + after })).toBe("refused");
    expect(answer(question, { failed: 1, runs: after })).toBe("open");
  });
});

test("a trace that never fails costs fewer runs where the original often does", () => {
  const cost = [0.1, 0.5, 0.93].map((rate) => ask({ rate, share: 0.5, miss: 0.05, luck: 0.1 }, 0, 3).runs);
  expect(cost).toEqual(cost.toSorted((a, b) => b - a));
});
