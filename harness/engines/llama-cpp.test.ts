import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { NO_OPTIONS, type RequestOptions } from "../../src/trace/options.ts";
import { payloadToken, scanToken } from "../../src/tracer/vocabulary.ts";
import { engineProfile } from "./index.ts";
import { llamaCpp } from "./llama-cpp.ts";

test("is found by its name; another name lists those there are", () => {
  expect(engineProfile("llama.cpp")).toBe(llamaCpp);
  expect(() => engineProfile("llama")).toThrow(
    expect.objectContaining({ hint: "Engines with a profile: llama.cpp, vllm, sglang." }),
  );
});

test("asks for greedy tokens by id", () => {
  expect(llamaCpp.request({ prompt: Int32Array.of(300, 301), maxTokens: 3, cache: false })).toEqual({
    method: "POST",
    path: "/completion",
    body: {
      prompt: [300, 301],
      n_predict: 3,
      stream: true,
      return_tokens: true,
      temperature: 0,
      top_k: 1,
      cache_prompt: false,
      ignore_eos: true,
    },
  });
});

test("options go by llama-server's names, and over the fields that every request has", () => {
  const fields = (options: Partial<RequestOptions>) => {
    const asked = { prompt: Int32Array.of(300), maxTokens: 3, cache: true };
    const plain = llamaCpp.request(asked).body;
    const { body } = llamaCpp.request(asked, { ...NO_OPTIONS, ...options });
    return Object.fromEntries(Object.entries(body).filter(([name, value]) => !isDeepStrictEqual(plain[name], value)));
  };
  expect(fields({})).toEqual({});
  const slots = ["c1", "c2", "c1"].map((session) => fields({ session }).id_slot);
  expect(slots).toEqual([slots[0], (slots[0] as number) + 1, slots[0]]);
  expect(fields({ seed: 7 })).toEqual({ seed: 7, temperature: 0.5, top_k: 0 });
  expect(fields({ adapter: "a2" })).toEqual({ lora: [{ id: 1, scale: 1 }] });
  expect(fields({ seed: 7, top: 1 })).toEqual({ seed: 7, temperature: 0.5 });
  expect(fields({ presence: 0.75, avoid: [8], banned: [9] })).toEqual({
    presence_penalty: 0.75,
    repeat_last_n: 4096,
    logit_bias: [
      [8, -100],
      [9, -100],
    ],
  });
  const grammar = [
    [payloadToken([1, 2, 3]), payloadToken([4, 5, 6])],
    [scanToken([]), scanToken([])],
  ];
  expect(fields({ grammar })).toEqual({ grammar: 'root ::= " p123 p456" | " scan.000 scan.000"' });
});

test("an embedding is asked for and read as OpenAI has it", () => {
  const asked = { prompt: Int32Array.of(300, 301), maxTokens: 1, cache: true };
  expect(llamaCpp.request(asked, { ...NO_OPTIONS, embed: true })).toEqual({
    method: "POST",
    path: "/v1/embeddings",
    body: { input: [300, 301], encoding_format: "float", cache_prompt: true },
  });
  const usage = { prompt_tokens: 2, total_tokens: 2 };
  const reply = {
    model: "tracer",
    object: "list",
    usage,
    data: [{ object: "embedding", index: 0, embedding: [0.6, -0.8] }],
  };
  expect(llamaCpp.readEmbedding(JSON.stringify(reply))).toEqual({ vector: [0.6, -0.8], cached: null });
  expect(() => llamaCpp.readEmbedding(JSON.stringify({ ...reply, data: [] }))).toThrow();
});

describe("its stream", () => {
  const read = (data: unknown) => llamaCpp.reader()(JSON.stringify(data));

  test("tokens", () => {
    const data = { index: 0, content: " p08d", tokens: [400], stop: false, id_slot: -1, tokens_predicted: 1 };
    expect(read(data)).toEqual({ kind: "tokens", ids: [400] });
  });

  test.each([
    ["limit", "length"],
    ["eos", "stop"],
    ["word", "stop"],
    ["none", "other"],
  ] as const)("an end by %s", (stop_type, reason) => {
    const data = { tokens: [], id_slot: 2, stop: true, stop_type, timings: { cache_n: 8, prompt_n: 1 } };
    expect(read(data)).toEqual({ kind: "finish", ids: [], reason, cached: 8, place: "slot 2" });
  });

  test("an end without timings does not tell cached tokens, which is not none", () => {
    expect(read({ tokens: [], stop: true })).toMatchObject({ cached: null, place: null, reason: "other" });
  });

  test("an error", () => {
    const data = { error: { code: 500, message: "Context size has been exceeded.", type: "server_error" } };
    expect(read(data)).toEqual({ kind: "error", code: "STREAM 500", message: "Context size has been exceeded." });
  });

  test("what is none of these is refused", () => {
    expect(() => read({ choices: [] })).toThrow();
    expect(() => llamaCpp.reader()("not JSON")).toThrow();
  });
});

test("an error body that is not its own is shown as it is", () => {
  expect(llamaCpp.readError('{"error":{"code":400,"message":"no"}}')).toBe("no");
  expect(llamaCpp.readError("<h1>502 Bad Gateway</h1>\n")).toBe("<h1>502 Bad Gateway</h1>");
});
