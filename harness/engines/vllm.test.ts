import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { NO_OPTIONS, type RequestOptions } from "../../src/trace/options.ts";
import { payloadToken, rungToken } from "../../src/tracer/vocabulary.ts";
import { vllm } from "./vllm.ts";

const ask = (cache: boolean) => vllm.request({ prompt: Int32Array.of(300, 301), maxTokens: 3, cache });

test("asks for greedy tokens by id", () => {
  expect(ask(true)).toEqual({
    method: "POST",
    path: "/v1/completions",
    body: {
      prompt: [300, 301],
      max_tokens: 3,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
      return_token_ids: true,
    },
  });
});

test("a request that leaves the cache alone has a salt of its own", () => {
  const salts = [ask(false), ask(false)].map(({ body }) => body.cache_salt);
  expect(salts[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(salts[1]).not.toBe(salts[0]);
});

test("options go by vLLM's names", () => {
  const fields = (options: Partial<RequestOptions>) => {
    const plain = ask(true).body;
    const { body } = vllm.request(
      { prompt: Int32Array.of(300, 301), maxTokens: 3, cache: true },
      { ...NO_OPTIONS, ...options },
    );
    return Object.fromEntries(Object.entries(body).filter(([name, value]) => !isDeepStrictEqual(plain[name], value)));
  };
  expect(fields({})).toEqual({});
  expect(fields({ requestId: "id1", session: "c1" })).toEqual({ request_id: "id1" });
  expect(fields({ seed: 0, logprobs: 0, priority: 0 })).toEqual({
    seed: 0,
    temperature: 0.5,
    logprobs: 0,
    return_tokens_as_token_ids: true,
    priority: 0,
  });
  expect(fields({ stop: [5, 6], allow: [7], avoid: [8, 9], salt: "s1", adapter: "a2" })).toEqual({
    model: "a2",
    stop_token_ids: [5, 6],
    allowed_token_ids: [7],
    logit_bias: { 8: -100, 9: -100 },
    cache_salt: "s1",
  });
  expect(fields({ seed: 1, top: 1, presence: 0.75, frequency: 1.125, avoid: [8], banned: [8, 9] })).toEqual({
    seed: 1,
    temperature: 0.5,
    top_k: 1,
    presence_penalty: 0.75,
    frequency_penalty: 1.125,
    logit_bias: { 8: -100, 9: -100 },
  });
  expect(fields({ grammar: SENTENCES })).toEqual({
    structured_outputs: { choice: ["p123p456", "rung.2.0rung.2.1"] },
  });
});

const SENTENCES = [
  [payloadToken([1, 2, 3]), payloadToken([4, 5, 6])],
  [rungToken(2, 0), rungToken(2, 1)],
];

// As vLLM 0.32.0 sends it, ids and times left out.
const choice = (token_ids: number[] | null, finish_reason: string | null = null) => ({
  object: "text_completion",
  model: "tracer",
  choices: [{ index: 0, text: " p029", logprobs: null, finish_reason, stop_reason: null, token_ids }],
});
const usage = (prompt_tokens_details?: { cached_tokens: number }) => ({
  choices: [],
  usage: {
    prompt_tokens: 5,
    total_tokens: 8,
    completion_tokens: 3,
    ...(prompt_tokens_details && { prompt_tokens_details }),
  },
});

describe("its stream", () => {
  const read = (...events: (object | string)[]) => {
    const reader = vllm.reader();
    return events.map((data) => reader(typeof data === "string" ? data : JSON.stringify(data)));
  };

  test.each([
    ["length", "length"],
    ["stop", "stop"],
    ["abort", "other"],
  ] as const)("tokens, then an end by %s with the usage", (finish_reason, reason) => {
    expect(read(choice([300, 301]), choice([302], finish_reason), usage({ cached_tokens: 64 }), "[DONE]")).toEqual([
      { kind: "tokens", ids: [300, 301] },
      { kind: "tokens", ids: [302] },
      { kind: "finish", ids: [], reason, cached: 64, place: null },
      // The end was told already: a second one would hide the cached tokens.
      { kind: "ignored" },
    ]);
  });

  test("a usage without details does not tell cached tokens, which is not none", () => {
    expect(read(choice([300], "length"), usage())[1]).toMatchObject({ kind: "finish", cached: null });
  });

  test("a server that sends no usage ends with its last event; one that sent no reason has not ended", () => {
    expect(read(choice([300], "length"), "[DONE]")[1]).toMatchObject({
      kind: "finish",
      reason: "length",
      cached: null,
    });
    expect(read(choice([300]), "[DONE]")[1]).toEqual({ kind: "ignored" });
  });

  test("log-probabilities, each with the likeliest other token", () => {
    const told = (...top_logprobs: object[]) => {
      const logprobs = { token_logprobs: top_logprobs.map(() => -0.5), tokens: [], text_offset: [], top_logprobs };
      const event = choice([300, 301]);
      return { ...event, choices: [{ ...event.choices[0], logprobs }] };
    };
    const first = { "token_id:300": -0.5, "token_id:7": -31, "token_id:8": -30.25 };
    expect(read(told(first, { "token_id:301": -0.5 }))).toEqual([
      { kind: "tokens", ids: [300, 301], logprobs: [{ own: -0.5, rival: { id: 8, logprob: -30.25 } }, { own: -0.5 }] },
    ]);
    expect(() => read(told(first))).toThrow("not one log-probability for each token");
  });

  test("tokens of several choices, and one end behind the last", () => {
    const other = (token_ids: number[], finish_reason: string | null = null) => {
      const { choices, ...head } = choice(token_ids, finish_reason);
      return { ...head, choices: choices.map((one) => ({ ...one, index: 1 })) };
    };
    expect(read(choice([300], "length"), other([300]), other([301], "stop"), usage())).toEqual([
      { kind: "tokens", ids: [300] },
      { kind: "tokens", ids: [300], choice: 1 },
      { kind: "tokens", ids: [301], choice: 1 },
      // Of all their length only if each has it.
      { kind: "finish", ids: [], reason: "stop", cached: null, place: null },
    ]);
    const [first] = choice([300]).choices;
    expect(() => read({ choices: [first, { ...first, index: 1 }] })).toThrow("several choices");
  });

  test("streams do not share what they have seen", () => {
    read(choice([300], "length"));
    expect(read("[DONE]")).toEqual([{ kind: "ignored" }]);
  });

  test("an error", () => {
    const error = { message: "EngineCore encountered an issue.", type: "InternalServerError", param: null, code: 500 };
    expect(read({ error })).toEqual([{ kind: "error", code: "STREAM 500", message: error.message }]);
  });

  test("what is none of these is refused, and so are tokens without ids", () => {
    expect(() => read({ tokens: [] })).toThrow();
    expect(() => read("not JSON")).toThrow();
    expect(() => read(choice(null))).toThrow("return_token_ids");
  });
});

test("an error body that is not its own is shown as it is", () => {
  expect(vllm.readError('{"error":{"message":"Token id 99999 is out of vocabulary","code":400}}')).toBe(
    "Token id 99999 is out of vocabulary",
  );
  expect(vllm.readError("Internal Server Error\n")).toBe("Internal Server Error");
});
