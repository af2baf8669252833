import { describe, expect, test } from "vitest";
import type { Part } from "../src/trace/schema.ts";
import { badToken } from "../src/tracer/vocabulary.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { samePromptSameOutput } from "./same-prompt-same-output.ts";

const prompt: readonly Part[] = [{ seg: "A" }, { read: "scan" }];
const one: HandMadeRequest = { id: "r1", sentAt: 0, settledAt: 10, prompt, maxTokens: 4 };
const two: HandMadeRequest = { ...one, id: "r2", sentAt: 5, settledAt: 15 };
const check = (...requests: HandMadeRequest[]) => samePromptSameOutput.check(mainOnly(handMade(requests)));

test("twins at the same time with one answer pass", () => {
  expect(check(one, two)).toEqual({
    status: "pass",
    reason: "1 prompt asked several times at once got one answer each",
  });
});

describe("fails", () => {
  test("where a twin's answer is short: the witness stands where the tail is missing", () => {
    expect(check(one, { ...two, answer: (r) => r.slice(0, 3), reason: "stop" })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r2", index: 3, expected: "scan.111", observed: "the end of the answer (stop)" }],
    });
  });

  test("where a lone answer is short, or longer than asked for", () => {
    expect(check({ ...one, answer: () => [] })).toMatchObject({ status: "fail", witnesses: [{ index: 0 }] });
    expect(check({ ...one, answer: (r) => [...r, r[0]!] })).toMatchObject({
      status: "fail",
      witnesses: [{ index: 4, expected: "the end of the answer (length)", observed: "scan.111" }],
    });
  });

  test("where twins differ in a token: the witness is the twin that is wrong, even if it came first", () => {
    expect(check({ ...one, answer: (r) => [r[0]!, badToken(2, 5), r[2]!, r[3]!] }, two)).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", index: 1, expected: "scan.111, as r2", observed: "bad.3.5" }],
    });
  });

  test("where twins differ in their finish reason only", () => {
    expect(check({ ...one, reason: "stop" }, two)).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", index: null, observed: "finish reason stop" }],
    });
  });
});

describe("of several choices", () => {
  const several: HandMadeRequest = { ...one, options: { n: 3 } };

  test("each is a twin of the others", () => {
    expect(check(several).status).toBe("pass");
  });

  test("one that never came, or is short, is a failure that names it", () => {
    expect(check({ ...several, others: [(r) => r] })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", choice: 2, index: 0, observed: "the end of the answer (length)" }],
    });
    expect(check({ ...several, others: [(r) => r.slice(0, 3), (r) => r] })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", choice: 1, index: 3 }],
    });
  });

  test("one that nobody asked for is a failure", () => {
    expect(check({ ...one, others: [(r) => r] })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", choice: 1, expected: "1 choice", observed: "choice 1" }],
    });
  });

  test("one that differs is measured by one that is right", () => {
    expect(check({ ...several, answer: (r) => [badToken(2, 5), ...r.slice(1)] })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "r1", index: 0, expected: "scan.111, as choice 1 of r1" }],
    });
  });
});

describe("is inconclusive", () => {
  test("where twins never met", () => {
    expect(check(one, { ...two, sentAt: 10 }).status).toBe("inconclusive");
    expect(check(one, { ...two, maxTokens: 3 }).status).toBe("inconclusive");
    expect(check(one).status).toBe("inconclusive");
  });

  test("where the other twin was cancelled: how far it got says nothing", () => {
    expect(check(one, { ...two, ends: "cancelled", answer: (r) => r.slice(0, 1) }).status).toBe("inconclusive");
  });
});

test("one finish reason for all is no difference, whatever the engine calls it", () => {
  expect(check({ ...one, reason: "stop" }, { ...two, reason: "stop" }).status).toBe("pass");
});
