import { describe, expect, test } from "vitest";
import type { Part } from "../src/trace/schema.ts";
import { rungToken } from "../src/tracer/vocabulary.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { ownParameters } from "./own-parameters.ts";

const prompt: readonly Part[] = [{ seg: "A" }, { read: "dice", ladder: 2 }];
const dice: HandMadeRequest = { id: "dice", sentAt: 10, settledAt: 20, prompt, maxTokens: 6 };
const seeded: HandMadeRequest = { ...dice, id: "seeded", sentAt: 0, settledAt: 15, options: { seed: 4 } };
const walking: HandMadeRequest = { ...dice, id: "walking", options: { presence: 0.75 } };
const check = (...requests: HandMadeRequest[]) => ownParameters.check(mainOnly(handMade(requests)));
const falls = (...rungs: number[]) => ({ answer: () => rungs.map((rung) => rungToken(2, rung)) });

describe("fails", () => {
  test("where dice leave the top rung without a penalty of their own", () => {
    expect(check(seeded, { ...dice, ...falls(0, 2, 0, 1, 0, 0) })).toMatchObject({
      status: "fail",
      witnesses: [{ request: "dice", index: 1, expected: "rung.2.0", observed: "rung.2.2" }],
    });
  });

  test("in any of several choices", () => {
    const wrong = falls(0, 2, 0, 1, 0, 0).answer;
    expect(check(seeded, { ...dice, options: { n: 2 }, others: [wrong] })).toMatchObject({
      witnesses: [{ request: "dice", choice: 1, index: 1, observed: "rung.2.2" }],
    });
  });

  test("where a penalty of their own does not move them", () => {
    expect(check(seeded, { ...walking, ...falls(0, 0, 0, 0, 0, 0) })).toMatchObject({
      witnesses: [{ request: "walking", index: 1, expected: "rung.2.1", observed: "rung.2.0" }],
    });
  });
});

test("passes dice that walk as their own penalties say, beside others or after them", () => {
  expect(check(seeded, dice, walking)).toEqual({
    status: "pass",
    reason: "18 tokens of dice fell as they should beside or after requests with other parameters",
  });
  expect(check({ ...seeded, settledAt: 5 }, dice).status).toBe("pass");
});

test("is inconclusive where nobody asked for other parameters, or only later", () => {
  expect(check(dice, { ...dice, id: "twin" }).status).toBe("inconclusive");
  // The later one throws dice too, after a request without a seed: that could have leaked to it.
  const later: HandMadeRequest = { ...seeded, sentAt: 20, settledAt: 30, prompt: [{ seg: "A" }, { read: "scan" }] };
  expect(check(dice, later).status).toBe("inconclusive");
});

test("leaves cancelled dice to their own law", () => {
  expect(check(seeded, { ...dice, ends: "cancelled", ...falls(3) }).status).not.toBe("fail");
});

test("applies to traces with dice", () => {
  expect(ownParameters.appliesTo(handMade([dice]).trace)).toBe(true);
  expect(ownParameters.appliesTo(handMade([{ ...dice, prompt: [{ seg: "A" }, { read: "scan" }] }]).trace)).toBe(false);
});
