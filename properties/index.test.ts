import { describe, expect, test } from "vitest";
import { judge } from "../src/check/property.ts";
import type { HistoryEvent } from "../src/history/schema.ts";
import type { Dialect } from "../src/target/dialect.ts";
import type { Part } from "../src/trace/schema.ts";
import { badToken, errToken, rungToken } from "../src/tracer/vocabulary.ts";
import { type HandMadeRequest, handMade, mainOnly } from "./hand-made.ts";
import { allProperties, lawsFor } from "./index.ts";

const A: Part = { seg: "A" };
const B: Part = { seg: "B" };
const C: Part = { seg: "C" };
const scan: Part = { read: "scan" };

/** A clean run in which every law could have failed: twins at once, a hit, a cancel before reads, dice beside a seed. */
const CLEAN: readonly HandMadeRequest[] = [
  {
    id: "x",
    sentAt: 0,
    settledAt: 5,
    prompt: [A, B, scan],
    maxTokens: 9,
    ends: "cancelled",
    answer: (r) => r.slice(0, 4),
  },
  { id: "r1", sentAt: 1, settledAt: 20, prompt: [A, scan], maxTokens: 4, cached: 32 },
  { id: "r2", sentAt: 2, settledAt: 21, prompt: [A, scan], maxTokens: 4, cached: 32 },
  {
    id: "r3",
    sentAt: 3,
    settledAt: 22,
    prompt: [B, { read: "narrow", back: 7 }],
    maxTokens: 5,
    options: { logprobs: 1 },
    logprobs: (r) => r.map(() => ({ own: 0, rival: { id: errToken(1), logprob: -30 } })),
  },
  { id: "r4", sentAt: 4, settledAt: 23, prompt: [C, { read: "dice", ladder: 1 }], maxTokens: 5 },
  { id: "r5", sentAt: 5, settledAt: 24, prompt: [C, scan], maxTokens: 5, options: { seed: 1 } },
];

function verdicts(change: Partial<Record<string, Partial<HandMadeRequest>>>, more: readonly HistoryEvent[] = []) {
  const run = handMade(
    CLEAN.map((r) => ({ ...r, ...change[r.id] })),
    more,
  );
  return Object.fromEntries(allProperties.map((p) => [p.id, judge(p, mainOnly(run)).status]));
}

const LOST: HistoryEvent = { t: 23_000, e: "lost", how: "with exit code 1", said: "" };
const wrongAt = (index: number) => (right: readonly number[]) =>
  right.map((t, i) => (i === index ? badToken(0, 9) : t));

test("a clean run passes every law", () => {
  expect(new Set(Object.values(verdicts({})))).toEqual(new Set(["pass"]));
});

describe("each law has a fault that breaks it and no other", () => {
  test.each([
    ["own-cells-only", "a foreign cell in an answer", { r3: { answer: wrongAt(2) } }],
    [
      "own-cells-only",
      "both twins read the same spoilt block",
      { r1: { answer: wrongAt(2) }, r2: { answer: wrongAt(2) } },
    ],
    [
      "own-cells-only",
      "an alarm of dice",
      { r4: { answer: (r: readonly number[]) => r.map((t, i) => (i === 2 ? errToken(3) : t)) } },
    ],
    [
      "own-parameters",
      "dice fall on a lower rung",
      { r4: { answer: (r: readonly number[]) => r.map((t, i) => (i === 2 ? rungToken(1, 3) : t)) } },
    ],
    [
      "cancelled-prefix",
      "a foreign cell before the cancel",
      { x: { answer: (r: readonly number[]) => wrongAt(3)(r).slice(0, 4) } },
    ],
    ["earned-hits", "a hit on what nobody had sent", { r3: { cached: 16 } }],
    ["earned-hits", "a hit across salts, on cells that are right", { r2: { options: { salt: "s1" } } }],
    [
      "own-logprobs",
      "a right token comes with a neighbour's",
      { r3: { logprobs: (r: readonly number[]) => r.map(() => ({ own: 0, rival: { id: errToken(1), logprob: 0 } })) } },
    ],
    ["same-prompt-same-output", "a twin loses its tail", { r2: { answer: (r: readonly number[]) => r.slice(0, 2) } }],
    [
      "same-prompt-same-output",
      "a lone answer loses its tail",
      { r3: { answer: (r: readonly number[]) => r.slice(0, 2) } },
    ],
    ["same-prompt-same-output", "a twin stops on a neighbour's stop", { r2: { reason: "stop" as const } }],
    ["stays-up", "the server ends", { r3: { ends: "failed" as const } }, [LOST]],
    ["settles", "the engine fails a request", { r3: { ends: "failed" as const } }],
    ["settles", "a request hangs", { r3: { ends: "open" as const } }],
  ] as const)("%s: %s", (law, _fault, change, more: readonly HistoryEvent[] = []) => {
    const found = verdicts(change, more);
    expect(Object.keys(found).filter((id) => found[id] === "fail")).toEqual([law]);
  });
});

test("ids are unique, and every law can be read by a person", () => {
  expect(new Set(allProperties.map((p) => p.id)).size).toBe(allProperties.length);
  for (const property of allProperties) {
    expect(property.law).toMatch(/^[A-Z].*\.$/);
    expect(property.needs).toContain("main");
  }
});

test("without its arm a law is inconclusive", () => {
  for (const property of allProperties) expect(judge(property, new Map()).status).toBe("inconclusive");
});

test("a law that cannot fail on a target is not judged there", () => {
  expect(lawsFor({ kind: "container", isolation: "flush" })).toEqual(allProperties);
  const left = (...[kind, isolation, dialect]: ["lab" | "url", "flush" | "none", Dialect?]) =>
    allProperties
      .filter((law) => !lawsFor({ kind, isolation, ...(dialect && { dialect }) }).includes(law))
      .map((law) => law.id);
  expect(left("lab", "flush")).toEqual(["own-logprobs", "stays-up"]);
  expect(left("url", "none", "vllm")).toEqual(["earned-hits"]);
  expect(left("url", "flush", "llama-server")).toEqual(["own-logprobs"]);
});
