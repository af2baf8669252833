import { describe, expect, test } from "vitest";
import { explainWitness } from "../src/check/explain.ts";
import type { Verdict } from "../src/check/verdict.ts";
import type { Logprob } from "../src/history/schema.ts";
import { resolveRequests } from "../src/trace/prompt.ts";
import { badToken, tokenName } from "../src/tracer/vocabulary.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { ownLogprobs } from "./own-logprobs.ts";

const near = (id: number, logprob = -30): Logprob => ({ own: 0, rival: { id, logprob } });
const alone = (right: readonly number[]) => right.map(() => near(0));

const asking: HandMadeRequest = {
  id: "asking",
  sentAt: 5,
  settledAt: 20,
  prompt: [{ seg: "A" }, { read: "narrow", back: 20 }],
  maxTokens: 4,
  options: { logprobs: 2 },
  logprobs: alone,
};
const beside: HandMadeRequest = {
  id: "beside",
  sentAt: 0,
  settledAt: 30,
  prompt: [{ seg: "B" }, { read: "scan" }],
  maxTokens: 8,
};
const dice: HandMadeRequest = { ...asking, id: "dice", prompt: [{ seg: "A" }, { read: "dice", ladder: 0 }] };
const check = (...requests: HandMadeRequest[]): Verdict => ownLogprobs.check(mainOnly(handMade(requests)));

describe("fails", () => {
  const neighbours = (right: readonly number[]) => right.map((_, i) => (i < 1 ? near(0) : near(scanOfBeside, 0)));
  const scanOfBeside = resolveRequests(handMade([beside]).trace)
    .get("beside")!
    .prompt.at(-1)!;

  test("where another token is as likely as a right one", () => {
    const run = handMade([beside, { ...asking, logprobs: neighbours }]);
    const verdict = ownLogprobs.check(mainOnly(run));
    expect(verdict).toMatchObject({ status: "fail", witnesses: [{ request: "asking", index: 1 }] });
    if (verdict.status !== "fail") return;
    const anomaly = explainWitness(run, verdict.witnesses[0], 16);
    expect(anomaly).toMatchObject({ class: "row swap", or: [], index: 1, request: "asking" });
    expect(anomaly.origins.map((o) => o.request)).toEqual(["beside"]);
    expect(anomaly.explanation).toContain(`${tokenName(scanOfBeside)} at 0.0`);
  });

  test("where a right token is told to be unlikely, and nobody else's answer says why", () => {
    const run = handMade([beside, { ...asking, logprobs: (right) => right.map(() => ({ own: -12 })) }]);
    const verdict = ownLogprobs.check(mainOnly(run));
    expect(verdict).toMatchObject({ status: "fail", witnesses: [{ request: "asking", index: 0 }] });
    if (verdict.status !== "fail") return;
    expect(explainWitness(run, verdict.witnesses[0], 16)).toMatchObject({ class: "unexplained", or: [] });
  });

  test("where a cancelled one got them", () => {
    expect(check(beside, { ...asking, ends: "cancelled", logprobs: neighbours }).status).toBe("fail");
  });
});

test("passes where no other token comes near", () => {
  expect(check(beside, asking)).toEqual({
    status: "pass",
    reason: "4 tokens came with log-probabilities of their own",
  });
});

describe("is inconclusive", () => {
  test("where the engine tells none, or names no other token", () => {
    const { logprobs, ...silent } = asking;
    expect(logprobs).toBeDefined();
    expect(check(beside, silent).status).toBe("inconclusive");
    expect(check(beside, { ...asking, logprobs: (right) => right.map(() => ({ own: 0 })) }).status).toBe(
      "inconclusive",
    );
  });

  test("where nobody else was there", () => {
    expect(check(asking).status).toBe("inconclusive");
    expect(check(asking, { ...beside, sentAt: 25 }).status).toBe("inconclusive");
  });

  test("behind a wrong token: what follows it is another law's", () => {
    const wrong = (right: readonly number[]) => right.map((token, i) => (i === 0 ? badToken(0, 9) : token));
    const said = check(beside, {
      ...asking,
      answer: wrong,
      logprobs: (right) => right.map(() => near(badToken(0, 9), 0)),
    });
    expect(said.status).toBe("inconclusive");
  });
});

test("leaves dice alone, whose rungs are near each other", () => {
  expect(check(beside, { ...dice, logprobs: (right) => right.map(() => near(0, -0.7)) }).status).toBe("inconclusive");
});

test("applies to traces that ask for other tokens' log-probabilities", () => {
  const applies = (...requests: HandMadeRequest[]) => ownLogprobs.appliesTo(handMade(requests).trace);
  expect(applies(beside, asking)).toBe(true);
  expect(applies(beside, { ...asking, options: { logprobs: 0 } })).toBe(false);
  expect(applies(beside, dice)).toBe(false);
  expect(applies(beside)).toBe(false);
});
