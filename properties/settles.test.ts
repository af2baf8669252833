import { describe, expect, test } from "vitest";
import type { Part } from "../src/trace/schema.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { settles } from "./settles.ts";

const prompt: readonly Part[] = [{ seg: "A" }, { read: "scan" }];
const done: HandMadeRequest = { id: "r1", sentAt: 0, settledAt: 10, prompt, maxTokens: 4 };
const cut: HandMadeRequest = { ...done, id: "x", ends: "cancelled" };
const check = (...requests: HandMadeRequest[]) => settles.check(mainOnly(handMade(requests)));

test("finished and cancelled requests have settled, however short", () => {
  expect(check(done, cut)).toEqual({ status: "pass", reason: "1 request finished, 1 cancelled" });
  expect(check({ ...done, answer: () => [] }).status).toBe("pass");
});

describe("fails", () => {
  test("where the engine failed a request, and says what it said", () => {
    expect(check({ ...done, ends: "failed", answer: (r) => r.slice(0, 2) })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", index: null, observed: "failed after 2 tokens: HTTP_500: out of cells" }],
    });
  });

  test("where a request was open when the run ended", () => {
    expect(check(done, { ...cut, ends: "open", answer: () => [] })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "x", observed: "still open after 0 tokens" }],
    });
  });
});

describe("is inconclusive", () => {
  test("where the history is cut short: the open request may have settled", () => {
    expect(settles.check(mainOnly(handMade([{ ...done, ends: "open" }], [], true))).status).toBe("inconclusive");
  });

  test("where a request of the trace never went out", () => {
    const run = handMade([done, cut]);
    const outcomes = new Map([...run.outcomes].filter(([id]) => id !== "x"));
    expect(settles.check(mainOnly({ ...run, outcomes }))).toEqual({
      status: "inconclusive",
      reason: "x of the trace never went out",
    });
  });

  test("where nothing was left to finish", () => {
    expect(check(cut).status).toBe("inconclusive");
  });
});

describe("a request whose id another one has", () => {
  const refused = (before: HandMadeRequest, at: number, code = "HTTP 400") => {
    const named = { options: { requestId: "id1" } };
    const late = { ...done, ...named, id: "r2", sentAt: at, ends: "open" as const, answer: () => [] };
    const failure = { t: (at + 1) * 1000, e: "failed" as const, id: "r2", code, message: "Duplicate request ID" };
    return settles.check(mainOnly(handMade([{ ...before, ...named }, late], [failure])));
  };

  test("may be refused while that is in the engine, or when the engine may not have seen its end", () => {
    expect(refused(done, 5)).toEqual({
      status: "pass",
      reason: "1 request finished, 0 cancelled, 1 refused as duplicates",
    });
    expect(refused({ ...cut, id: "r1" }, 20).status).toBe("inconclusive");
  });

  test("may not be refused when that has finished, and not fail otherwise", () => {
    expect(refused(done, 20).status).toBe("fail");
    expect(refused(done, 5, "HTTP 500").status).toBe("fail");
    expect(refused({ ...cut, id: "r1" }, 6000).status).toBe("fail");
  });
});

test("does not apply to a trace that kills the server or pauses it for good", () => {
  const { trace } = handMade([done]);
  expect(settles.appliesTo(trace)).toBe(true);
  expect(settles.appliesTo({ ...trace, steps: [...trace.steps, { at: 50, fault: "kill" }] })).toBe(false);
  expect(settles.appliesTo({ ...trace, steps: [...trace.steps, { at: 50, fault: "pause" }] })).toBe(false);
  expect(settles.appliesTo({ ...trace, steps: [...trace.steps, { at: 50, fault: "pause", forMs: 5 }] })).toBe(true);
});

test("of several choices the one that hangs is named", () => {
  const hangs = { ...done, options: { n: 3 }, ends: "open" as const, others: [(r: readonly number[]) => r, () => []] };
  expect(check(hangs)).toMatchObject({
    status: "fail",
    witnesses: [{ request: "r1", choice: 2, observed: "still open after 0 tokens" }],
  });
});
