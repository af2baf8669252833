import { expect, test } from "vitest";
import type { Part } from "../src/trace/schema.ts";
import { badToken } from "../src/tracer/vocabulary.ts";
import { cancelledPrefix } from "./cancelled-prefix.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";

const prompt: readonly Part[] = [{ seg: "A" }, { read: "scan" }];
const cut: HandMadeRequest = { id: "x", sentAt: 0, settledAt: 5, prompt, maxTokens: 9, ends: "cancelled" };
const check = (request: HandMadeRequest) => cancelledPrefix.check(mainOnly(handMade([request])));

test("the first tokens of the answer pass, however few", () => {
  for (const n of [1, 4, 9]) expect(check({ ...cut, answer: (r) => r.slice(0, n) }).status).toBe("pass");
});

test("a wrong token fails and is named", () => {
  expect(check({ ...cut, answer: (r) => [r[0]!, badToken(0, 4)] })).toMatchObject({
    status: "fail",
    witnesses: [{ request: "x", index: 1, expected: "scan.111", observed: "bad.1.4" }],
  });
});

test("a wrong token of any choice fails", () => {
  const several: HandMadeRequest = { ...cut, options: { n: 2 }, others: [() => [badToken(0, 4)]] };
  expect(check(several)).toMatchObject({ status: "fail", witnesses: [{ request: "x", choice: 1, index: 0 }] });
});

test("is inconclusive where no token came before the cancel, or the cancel too late", () => {
  expect(check({ ...cut, answer: () => [] }).status).toBe("inconclusive");
  expect(check({ ...cut, ends: "too late" }).status).toBe("inconclusive");
});

test("leaves requests that were not cancelled to own-cells-only", () => {
  expect(check({ ...cut, ends: "finished", answer: () => [badToken(0, 4)] }).status).toBe("inconclusive");
});

test("applies to traces with cancels only", () => {
  expect(cancelledPrefix.appliesTo(handMade([cut]).trace)).toBe(true);
  expect(cancelledPrefix.appliesTo(handMade([{ ...cut, ends: "finished" }]).trace)).toBe(false);
});
