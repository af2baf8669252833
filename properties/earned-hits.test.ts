import { expect, test } from "vitest";
import type { Part } from "../src/trace/schema.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { earnedHits } from "./index.ts";

const prompt: readonly Part[] = [{ seg: "A" }, { read: "scan" }];
const first: HandMadeRequest = { id: "r1", sentAt: 0, settledAt: 9, prompt, maxTokens: 4 };
const second: HandMadeRequest = { id: "r2", sentAt: 10, settledAt: 19, prompt, maxTokens: 4, cached: 48 };
const check = (requests: readonly HandMadeRequest[]) => earnedHits.check(mainOnly(handMade(requests)));

test("passes where an earlier request with the same prefix and salt had the cells", () => {
  expect(check([first, second])).toEqual({
    status: "pass",
    reason: "1 hit, each on a prefix that an earlier request had",
  });
  expect(
    check([
      { ...first, options: { salt: "s1" } },
      { ...second, options: { salt: "s1" } },
    ]).status,
  ).toBe("pass");
});

test("fails on a hit that is longer, or belongs to another salt", () => {
  const longer = { ...first, prompt: [{ seg: "A", to: 32 }, { read: "scan" }] satisfies Part[] };
  expect(check([longer, second])).toMatchObject({
    status: "fail",
    witnesses: [{ request: "r2", index: null, expected: "at most 32 tokens from the cache", observed: "48 tokens" }],
  });
  expect(check([first, { ...second, options: { salt: "s1" } }]).status).toBe("fail");
  expect(check([first, { ...second, options: { adapter: "a1" } }]).status).toBe("fail");
  expect(
    check([
      { ...first, options: { salt: "s2" } },
      { ...second, options: { salt: "s1" } },
    ]).status,
  ).toBe("fail");
});

test("is inconclusive without a hit, where the engine does not tell, and where the caches may have held something", () => {
  expect(check([first, { ...second, cached: 0 }]).status).toBe("inconclusive");
  expect(
    check([
      { ...first, cached: null },
      { ...second, cached: null },
    ]).status,
  ).toBe("inconclusive");
  const run = handMade([first, { ...second, options: { salt: "s1" } }]);
  const { empty: _, ...header } = run.history.header;
  expect(earnedHits.check(mainOnly({ ...run, history: { ...run.history, header } })).status).toBe("inconclusive");
});

test("says nothing of several choices: one may have left the prompt for the next", () => {
  expect(check([{ ...second, options: { n: 2 } }]).status).toBe("pass");
});
