import { expect, test } from "vitest";
import { rungToken, tokenName } from "../tracer/vocabulary.ts";
import { resolveOptions, usesAdapters } from "./options.ts";
import { expectedTokens, resolveRequests } from "./prompt.ts";
import { validateTrace } from "./read.ts";

const TRACE = validateTrace({
  crosstalk: "crosstalk-trace/1",
  name: "options",
  segments: { A: { seed: 1, family: 0, length: 20 }, B: { seed: 2, family: 21, length: 20 } },
  steps: [
    {
      at: 0,
      send: "narrow",
      prompt: [{ seg: "A" }, { read: "narrow", back: 20 }],
      maxTokens: 12,
      stop: true,
      allow: true,
    },
    { at: 0, send: "scan", prompt: [{ seg: "B" }, { read: "scan" }], maxTokens: 5, avoid: true, seed: 3, salt: "s" },
    {
      at: 0,
      send: "same",
      prompt: [{ seg: "B" }, { read: "scan" }],
      maxTokens: 5,
      stop: true,
      priority: -1,
      logprobs: 0,
    },
    { at: 0, send: "bare", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 5 },
  ],
});

const answers = new Map(Array.from(resolveRequests(TRACE), ([id, request]) => [id, [...expectedTokens(request)]]));

test("only requests that ask for something have options", () => {
  expect([...resolveOptions(TRACE).keys()]).toEqual(["narrow", "scan", "same"]);
});

test("what ends or keeps away an answer is in other answers and never in the own", () => {
  const options = resolveOptions(TRACE);
  const [scanB, scanA] = [answers.get("scan")![0]!, answers.get("bare")![0]!];
  expect(options.get("narrow")!.stop).toEqual([scanA, scanB].sort((a, b) => a - b));
  const avoided = options.get("scan")!.avoid;
  expect(avoided).toContain(scanA);
  expect(avoided).not.toContain(scanB);
  // Four different tokens of the long answer.
  expect(avoided.filter((id) => answers.get("narrow")!.includes(id))).toHaveLength(4);
  expect(options.get("same")!.stop.map(tokenName)).toEqual(avoided.map(tokenName));
});

test("only the own answer is allowed", () => {
  const { allow } = resolveOptions(TRACE).get("narrow")!;
  expect(allow).toEqual([...new Set(answers.get("narrow"))].sort((a, b) => a - b));
});

test("a grammar has the own answer first, and others' of that length that begin otherwise; dice count", () => {
  const grammar = true as const;
  const counting = { at: 0, send: "dice", prompt: [{ seg: "A" }, { read: "dice", ladder: 1 }], maxTokens: 12, grammar };
  const steps = [
    ...TRACE.steps,
    counting,
    { ...TRACE.steps[0]!, send: "held", maxTokens: 3, stop: undefined, allow: undefined, grammar },
  ];
  const options = resolveOptions(validateTrace(JSON.parse(JSON.stringify({ ...TRACE, steps }))));
  const rungs = Array.from({ length: 12 }, (_, i) => rungToken(1, i % 10));
  expect(options.get("dice")!.grammar![0]).toEqual(rungs);
  const [scanB, scanA] = [answers.get("scan")![0]!, answers.get("bare")![0]!];
  const [own, ...others] = options.get("held")!.grammar!;
  expect(own).toEqual(answers.get("narrow")!.slice(0, 3));
  expect(others).toEqual([new Array(3).fill(scanB), new Array(3).fill(scanA), rungs.slice(0, 3)]);
});

test.each(["stop", "allow", "avoid"] as const)("a grammar and %s do not go together", (field) => {
  const steps = [{ ...TRACE.steps[3]!, [field]: true, grammar: true }];
  expect(() => validateTrace({ ...TRACE, steps })).toThrow(`a grammar or ${field}`);
});

test("an adapter changes what the own answer and others' answers are", () => {
  const steps = TRACE.steps.map((step) => ({ ...step, adapter: "a1" as const }));
  const moved = resolveOptions(validateTrace({ ...TRACE, steps }));
  expect(moved.get("narrow")!.allow).not.toEqual(resolveOptions(TRACE).get("narrow")!.allow);
  expect(moved.get("narrow")!.adapter).toBe("a1");
  expect(usesAdapters(TRACE)).toBe(false);
});

test("what is not asked for is left out; zero is a value", () => {
  const options = resolveOptions(TRACE);
  expect(options.get("scan")).toMatchObject({
    seed: 3,
    salt: "s",
    priority: null,
    allow: null,
    stop: [],
    logprobs: null,
  });
  expect(options.get("same")).toMatchObject({ priority: -1, logprobs: 0, seed: null, avoid: [] });
});
