import { describe, expect, test } from "vitest";
import type { HistoryEvent } from "../src/history/schema.ts";
import type { Part } from "../src/trace/schema.ts";
import { badToken, tokenName } from "../src/tracer/vocabulary.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { ownCellsOnly } from "./own-cells-only.ts";

const A: Part = { seg: "A" };
const B: Part = { seg: "B" };
const scan: Part = { read: "scan" };
const eviction = (ms: number): HistoryEvent => ({ t: ms * 1000, e: "cache", what: "eviction", blocks: [3] });

const lone: HandMadeRequest = { id: "r1", sentAt: 0, settledAt: 9, prompt: [A, scan], maxTokens: 4 };
const hit: HandMadeRequest = { id: "r2", sentAt: 10, settledAt: 19, prompt: [A, B, scan], maxTokens: 4, cached: 48 };
const check = (requests: readonly HandMadeRequest[], events: readonly HistoryEvent[] = []) =>
  ownCellsOnly.check(mainOnly(handMade(requests, events)));

describe("fails", () => {
  test("with the first wrong token of each request, by name", () => {
    const verdict = check([lone, { ...hit, answer: (r) => [r[0]!, badToken(1, 6), badToken(1, 6), r[3]!] }]);
    expect(verdict).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r2", index: 1, expected: "scan.311", observed: "bad.2.6" }],
    });
  });

  test("in any of several choices, which it names", () => {
    const several: HandMadeRequest = { ...lone, options: { n: 3 }, others: [(r) => r, (r) => [badToken(1, 6), ...r]] };
    const verdict = check([several]);
    expect(verdict).toMatchObject({ status: "fail", witnesses: [{ request: "r1", choice: 2, index: 0 }] });
    expect(verdict.reason).toBe("1 request read cells that are not theirs");
  });

  test("also where the request hung or failed afterwards", () => {
    for (const ends of ["open", "failed"] as const) {
      expect(check([{ ...lone, ends, answer: () => [badToken(0, 9)] }]).status).toBe("fail");
    }
  });

  test("before it asks whether the run could have passed", () => {
    expect(check([{ ...lone, answer: () => [badToken(0, 9)] }]).status).toBe("fail");
  });

  test("on a narrow read that answers a neighbour's cell", () => {
    const narrow: HandMadeRequest = { ...lone, prompt: [A, { read: "narrow", back: 48 }] };
    const shifted = check([{ ...narrow, answer: (r) => [r[1]!, ...r.slice(1)] }]);
    expect(shifted).toMatchObject({ witnesses: [{ request: "r1", index: 0 }] });
    if (shifted.status === "fail") expect(shifted.witnesses[0].expected).toMatch(/^p[1-3]{3}$/);
  });
});

test("leaves a short answer and a cancelled request to their own laws", () => {
  const cancelled: HandMadeRequest = {
    ...lone,
    id: "x",
    ends: "cancelled",
    settledAt: 5,
    answer: () => [badToken(0, 9)],
  };
  const short: HandMadeRequest = { ...lone, answer: (r) => r.slice(0, 1) };
  expect(check([cancelled, short, hit], [eviction(15)]).status).toBe("pass");
});

test("passes where a hit cell was read after an eviction, and says what the pass rests on", () => {
  const verdict = check([lone, hit], [eviction(5)]);
  expect(verdict.status).toBe("pass");
  expect(verdict.reason).toBe("8 tokens read 120 cells, 97 of them after a risky event");
});

describe("is inconclusive", () => {
  test("where all answers are held to grammars", () => {
    const held = { options: { grammar: true } } as const;
    expect(
      check(
        [
          { ...lone, ...held },
          { ...hit, ...held },
        ],
        [eviction(5)],
      ).status,
    ).toBe("inconclusive");
  });

  test("without a token", () => {
    expect(check([{ ...lone, answer: () => [] }])).toEqual({ status: "inconclusive", reason: "no token arrived" });
  });

  test("without a hit where prompts share prefixes", () => {
    const missed = check([lone, { ...hit, cached: 0 }], [eviction(5)]);
    expect(missed).toMatchObject({ status: "inconclusive", reason: expect.stringContaining("prefix cache, although") });
    const untold = check(
      [
        { ...lone, cached: null },
        { ...hit, cached: null },
      ],
      [eviction(5)],
    );
    expect(untold).toMatchObject({ status: "inconclusive", reason: expect.stringContaining("does not tell") });
  });

  test("when no cancel landed", () => {
    const late: HandMadeRequest = { ...lone, ends: "too late" };
    expect(check([late, hit], [eviction(5)])).toMatchObject({
      status: "inconclusive",
      reason: expect.stringContaining("1 cancel landed"),
    });
  });

  test("when nothing risky came before a read", () => {
    expect(check([lone, hit], [eviction(500)])).toMatchObject({
      status: "inconclusive",
      reason: expect.stringContaining("risky"),
    });
  });
});

test("a trace that shares no prefix needs no hit", () => {
  expect(check([lone, { ...hit, prompt: [B, scan], cached: 0 }], [eviction(5)]).status).toBe("pass");
});

test("an engine that only counts its evictions is believed", () => {
  const metrics: HistoryEvent = { t: 900_000, e: "metrics", counters: { evictions: 3 } };
  expect(check([lone, hit], [metrics]).status).toBe("pass");
  expect(check([lone, hit], [{ ...metrics, counters: { evictions: 0 } }]).status).toBe("inconclusive");
});

test("token names in this file mean what they say", () => {
  expect(tokenName(badToken(1, 6))).toBe("bad.2.6");
});
