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
