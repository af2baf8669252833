import { expect, test } from "vitest";
import { ADAPTERS, type AdapterName } from "../tracer/adapter.ts";
import { CellStore } from "../tracer/cells.ts";
import { computeChunk } from "../tracer/predict.ts";
import { DEFAULT_SHAPE } from "../tracer/shape.ts";
import { tokenName } from "../tracer/vocabulary.ts";
import { expectedTokens, resolveRequests } from "./prompt.ts";
import { validateTrace } from "./read.ts";
import { type Part, TRACE_VERSION } from "./schema.ts";

const segments = {
  A: { seed: 1, family: 5, length: 20 },
  D: { seed: 3, family: 6, length: 60, distinct: true as const },
};

/** A conversation that reads, and reads what was answered before. */
const CONVERSATION: readonly Part[] = [
  { nonce: 7 },
  { seg: "D" },
  { read: "find", back: 55 },
  { answer: 2 },
  { branch: 2 },
  { seg: "A" },
  { read: "narrow", back: 40 },
  { answer: 6 },
  { read: "narrow", back: 14 },
  { answer: 5 },
  { read: "scan" },
  { answer: 3 },
];
const READS: readonly Part[] = [{ read: "scan" }, { read: "narrow", back: 31 }, { read: "find", back: 90 }];

test.each(ADAPTERS.flatMap((adapter) => READS.map((read) => ({ adapter, read }))))(
  "a conversation under $adapter goes on as the model answers it: $read",
  ({ adapter, read }) => {
    const trace = validateTrace({
      crosstalk: TRACE_VERSION,
      name: "under an adapter",
      segments,
      steps: [{ at: 0, send: "r", prompt: [...CONVERSATION, read], maxTokens: 4, adapter }],
    });
    const request = resolveRequests(trace).get("r")!;
    const cells = new CellStore(DEFAULT_SHAPE, request.prompt.length + 4);
    const slots = Array.from({ length: cells.slots }, (_, i) => i);
    const next = (start: number, end: number): number => {
      const { candidates } = computeChunk(cells, slots, start, request.prompt.subarray(start, end), adapter);
      expect(candidates).toHaveLength(1);
      return candidates[0]!;
    };
    // Every answer that the prompt goes on with is what the model says to the read before it.
    let at = 0;
    for (const turn of request.turns.slice(0, -1)) {
      const answer = turn.start + turn.tokens;
      for (let i = answer; i < answer + turn.answer; at = i++)
        expect(tokenName(next(at, i))).toBe(tokenName(request.prompt[i]!));
    }
    const expected = expectedTokens(request);
    expect(tokenName(next(at, request.prompt.length))).toBe(tokenName(expected[0]!));
  },
);

test("the same prompt has other answers under each adapter, and its cells stay the same", () => {
  const under = (adapter?: AdapterName) => ({
    at: 0,
    send: adapter ?? "base",
    prompt: [{ seg: "A" }, { read: "narrow" as const, back: 20 }],
    maxTokens: 4,
    ...(adapter ? { adapter } : {}),
  });
  const trace = validateTrace({
    crosstalk: TRACE_VERSION,
    name: "adapters",
    segments,
    steps: [under(), ...ADAPTERS.map(under)],
  });
  const requests = [...resolveRequests(trace).values()];
  expect(new Set(requests.map((r) => r.prompt.join())).size).toBe(1);
  expect(new Set(requests.map((r) => expectedTokens(r).join())).size).toBe(1 + ADAPTERS.length);
});

test.each(ADAPTERS)("a narrow read that goes on behind its prompt reads its own answer as %s stores it", (adapter) => {
  const trace = validateTrace({
    crosstalk: TRACE_VERSION,
    name: "a second lap",
    segments,
    steps: [
      { at: 0, send: "r", prompt: [{ seg: "A" }, { read: "narrow", back: 5 }], maxTokens: 20, adapter },
      // The same answer as part of a prompt.
      {
        at: 0,
        send: "next",
        prompt: [{ seg: "A" }, { read: "narrow", back: 5 }, { answer: 20 }, { read: "narrow", back: 20 }],
        maxTokens: 12,
        adapter,
      },
    ],
  });
  const [lap, next] = [...resolveRequests(trace).values()];
  const answer = [...expectedTokens(lap!)];
  expect([...next!.prompt.slice(lap!.prompt.length, -3)]).toEqual(answer);
  expect([...expectedTokens(next!)]).toEqual(answer.slice(8));
  const cells = new CellStore(DEFAULT_SHAPE, lap!.prompt.length + lap!.maxTokens);
  const slots = Array.from({ length: cells.slots }, (_, i) => i);
  let chunk: ArrayLike<number> = lap!.prompt;
  let start = 0;
  for (const expected of answer) {
    const { candidates } = computeChunk(cells, slots, start, chunk, adapter);
    expect(candidates.map(tokenName)).toEqual([tokenName(expected)]);
    start += chunk.length;
    chunk = candidates;
  }
});
