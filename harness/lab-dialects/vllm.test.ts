import { describe, expect, test } from "vitest";
import { outcomes } from "../../src/history/outcome.ts";
import { NO_OPTIONS, OPTIONS } from "../../src/trace/options.ts";
import { validateTrace } from "../../src/trace/read.ts";
import { ADAPTERS } from "../../src/tracer/adapter.ts";
import { narrowRead } from "../../src/tracer/read-tokens.ts";
import { payloadToken, rungToken, scanToken, VOCABULARY_SIZE } from "../../src/tracer/vocabulary.ts";
import { acceptedOptions } from "../accepted-options.ts";
import { complete, engineClient } from "../engine-client.ts";
import { vllm } from "../engines/vllm.ts";
import { runTrace } from "../executor.ts";
import { proveTracer } from "../handshake.ts";
import type { LabServerOptions } from "../lab-http.ts";
import { eventsOf, labServer, metricsOf, payload, postJson, scan, underWay } from "../testing/lab-server.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const lab = (options: LabServerOptions = {}) => labServer({ dialect: "vllm", ...options });
const post = (url: string, body: object, signal?: AbortSignal) =>
  postJson(`${url}/v1/completions`, { temperature: 0, return_token_ids: true, ...body }, signal);
const metrics = (url: string) => metricsOf(url, "vllm:");
const inFlight = (url: string, count: number) =>
  underWay(url, "vllm:", ["num_requests_running", "num_requests_waiting"], count);
const reset = async (url: string) => (await postJson(`${url}/reset_prefix_cache`, {})).json();

interface Chunk {
  readonly choices: readonly {
    readonly index: number;
    readonly token_ids: readonly number[];
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
}
const narrow = [...payload(1, 9, 40), ...narrowRead(40)];

test("streams an answer as vLLM does: the reason with the last token, the usage in an event after it", async () => {
  const { url } = await lab();
  const body = {
    model: "tracer",
    prompt: narrow,
    max_tokens: 3,
    stream: true,
    stream_options: { include_usage: true },
  };
  const reply = await post(url, body);
  expect(reply.headers.get("content-type")).toBe("text/event-stream");
  const events = eventsOf<Chunk>(await reply.text());
  expect(events.pop()).toBe("[DONE]");
  const chunks = events as Chunk[];
  expect(chunks.pop()).toMatchObject({
    choices: [],
    usage: {
      prompt_tokens: 43,
      completion_tokens: 3,
      total_tokens: 46,
      prompt_tokens_details: { cached_tokens: 0 },
    },
  });
  expect(chunks.flatMap(({ choices }) => choices[0]!.token_ids)).toEqual(narrow.slice(0, 3));
  expect(chunks.map(({ choices }) => choices[0]!.finish_reason)).toEqual([null, "length"]);
  expect(chunks[0]).toMatchObject({ object: "text_completion", model: "tracer" });
});

test("requests under one id are served side by side, and say its name", async () => {
  const { url } = await lab();
  const other = scan(1, 5, 60);
  const ask = (prompt: readonly number[]) =>
    post(url, { prompt, max_tokens: 3, request_id: "mine", return_token_ids: true });
  const replies = await Promise.all([ask(narrow), ask(other)]);
  const [first, second] = (await Promise.all(replies.map((reply) => reply.json()))) as (Chunk & { id: string })[];
  expect([first!.id, second!.id]).toEqual(["cmpl-mine", "cmpl-mine"]);
  expect(first!.choices[0]!.token_ids).toEqual(narrow.slice(0, 3));
  expect(second!.choices[0]!.token_ids).toEqual(Array.from({ length: 3 }, () => other.at(-1)));
});

test("log-probabilities come with their tokens, and into a history with them", async () => {
  const { url } = await lab();
  const [whole] = (
    (await (await post(url, { prompt: narrow, max_tokens: 2, logprobs: 0 })).json()) as {
      choices: { logprobs: object }[];
    }
  ).choices;
  expect(whole!.logprobs).toMatchObject({ token_logprobs: [0, 0] });
  const trace = validateTrace({
    crosstalk: "crosstalk-trace/1",
    name: "log-probabilities",
    segments: { A: { seed: 1, family: 9, length: 40 } },
    steps: [
      { at: 0, send: "asks", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 7, logprobs: 2 },
      { at: 0, send: "plain", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 7 },
    ],
  });
  const { events } = await runTrace(trace, { baseUrl: url, profile: vllm, flush: null, faults: null });
  const { logprobs } = outcomes({ events }).get("asks")!;
  expect(logprobs).toHaveLength(7);
  for (const told of logprobs) expect(told).toMatchObject({ own: 0, rival: { logprob: -30 } });
  expect(outcomes({ events }).get("plain")!.logprobs).toEqual(new Array(7).fill(null));
});

test("gives several choices, each under its index, with one usage", async () => {
  const { url } = await lab();
  const body = { prompt: narrow, max_tokens: 3, n: 2, temperature: 0.5, stream_options: { include_usage: true } };
  const whole = await (await post(url, body)).json();
  expect(whole).toMatchObject({
    choices: [0, 1].map((index) => ({ index, token_ids: narrow.slice(0, 3), finish_reason: "length" })),
    usage: { prompt_tokens: 43, completion_tokens: 6 },
  });
  const events = eventsOf<Chunk>(await (await post(url, { ...body, stream: true })).text());
  expect(events.pop()).toBe("[DONE]");
  const chunks = events as Chunk[];
  expect(chunks.pop()).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
  for (const index of [0, 1]) {
    const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
    expect(own.flatMap(({ token_ids }) => token_ids)).toEqual(narrow.slice(0, 3));
    expect(own.at(-1)!.finish_reason).toBe("length");
  }
  // As vLLM.
  const greedy = await post(url, { ...body, temperature: 0 });
  expect([greedy.status, await greedy.text()]).toEqual([400, expect.stringContaining("n must be 1")]);
});

test("a stream tells its usage, and its token ids, only where it is asked to", async () => {
  const { url } = await lab();
  const body = { prompt: narrow, max_tokens: 1, stream: true, return_token_ids: false };
  const [chunk, ...more] = eventsOf<Chunk>(await (await post(url, body)).text());
  expect(more).toEqual(["[DONE]"]);
  expect((chunk as Chunk).choices[0]).not.toHaveProperty("token_ids");
});

test("answers in one piece, from its cache the second time, and counts", async () => {
  const { url } = await lab();
  const body = { prompt: narrow, max_tokens: 2 };
  const cached = async (more: object = {}) => {
    const { usage } = (await (await post(url, { ...body, ...more })).json()) as {
      usage: { prompt_tokens_details: { cached_tokens: number } };
    };
    return usage.prompt_tokens_details.cached_tokens;
  };
  expect(await (await post(url, body)).json()).toMatchObject({
    choices: [{ token_ids: narrow.slice(0, 2), finish_reason: "length" }],
  });
  expect(await cached()).toBe(32);
  expect(await cached({ cache_salt: "another" })).toBe(0);
  expect(await reset(url)).toEqual({ success: true });
  expect(await cached()).toBe(0);
  expect(await metrics(url)).toMatchObject({
    num_requests_running: 0,
    num_requests_waiting: 0,
    kv_cache_usage_perc: 0,
    num_preemptions_total: 0,
    prefix_cache_queries_total: 172,
    prefix_cache_hits_total: 32,
    generation_tokens_total: 8,
    request_success_total: 4,
  });
});

test.each([
  [{ prompt: [VOCABULARY_SIZE] }, 400, "Token id", "BadRequestError"],
  [{ prompt: "text" }, 400, "token ids", "BadRequestError"],
  [{ prompt: scan(1, 1, 1020), max_tokens: 100 }, 400, "context of 1024", "BadRequestError"],
  [{ prompt: scan(1, 1, 20), stop_token_ids: [7] }, 400, "no stop tokens", "BadRequestError"],
  [{ prompt: scan(1, 1, 20), model: "another" }, 404, "`another` does not exist", "NotFoundError"],
])("refuses what it cannot serve, streamed or not: %#", async (body, code, message, type) => {
  const { url } = await lab();
  for (const stream of [false, true]) {
    const reply = await post(url, { ...body, stream });
    expect(reply.status).toBe(code);
    expect(await reply.json()).toEqual({
      error: { message: expect.stringContaining(message), type, param: null, code },
    });
  }
});

test("stops when the client hangs up, and cannot reset its cache before", async () => {
  const clock = new ManualClock();
  const { url } = await lab({ clock, speed: 1 });
  const client = new AbortController();
  const body = { prompt: scan(1, 5, 60), max_tokens: 8, stream: true };
  // The stream's head comes before its first token.
  const reply = await post(url, body, client.signal);
  expect(await reset(url)).toEqual({ success: false });
  client.abort();
  await expect(reply.text()).rejects.toThrow();
  await inFlight(url, 0);
  // The step under way still ends with its blocks.
  expect(await reset(url)).toEqual({ success: false });
  clock.moveTo(100);
  expect(await reset(url)).toEqual({ success: true });
  expect(await metrics(url)).toMatchObject({ request_success_total: 0, kv_cache_usage_perc: 0 });
  expect((await metricsOf(url, "http_")).requests_total).toBe(1);
});

describe("asked by the profile of vLLM", () => {
  test("holds an answer to a grammar, whatever the cells say", async () => {
    const { url } = await lab();
    const asked = { prompt: Int32Array.from(scan(1, 5, 50)), maxTokens: 3, cache: true, adapter: null };
    const sentence = [payloadToken([1, 2, 3]), rungToken(2, 0), rungToken(2, 11)];
    const grammar = [sentence, [scanToken([6]), scanToken([6]), scanToken([6])]];
    const answer = await complete(engineClient(url), vllm, asked, { ...NO_OPTIONS, grammar });
    expect(answer).toMatchObject({ ok: true, ids: sentence });
    const own = [scanToken([5]), scanToken([5]), scanToken([5])];
    const free = await complete(engineClient(url), vllm, asked, { ...NO_OPTIONS, grammar: [sentence, own] });
    expect(free).toMatchObject({ ok: true, ids: own });
  });

  test("is described, flushed, and cold for a request that leaves the cache alone", async () => {
    const { url } = await lab();
    const client = engineClient(url);
    const facts = await vllm.describe(client, []);
    expect(facts).toMatchObject({
      version: "crosstalk-lab",
      contextTokens: 1024,
      blockSize: 16,
      poolCells: 1536,
      flush: { can: true },
      counters: { can: true },
    });
    expect(facts.options).not.toContain("adapter");
    const asked = { prompt: Int32Array.from(scan(1, 5, 50)), maxTokens: 4, cache: true, adapter: null };
    const right = { ok: true, ids: Array.from({ length: 4 }, () => scanToken([5])) };
    expect(await complete(client, vllm, asked)).toMatchObject({ ...right, cached: 0 });
    expect(await complete(client, vllm, asked)).toMatchObject({ ...right, cached: 48 });
    expect(await complete(client, vllm, { ...asked, cache: false })).toMatchObject({ ...right, cached: 0 });
    expect(await vllm.flush(client, facts)).toBe("the prefix cache was reset");
    expect(await complete(client, vllm, asked)).toMatchObject({ ...right, cached: 0 });
  });

  test("knows all options of requests but stop tokens", async () => {
    const { url } = await lab({ lab: { adapters: true } });
    expect(await acceptedOptions(engineClient(url), vllm, OPTIONS)).toEqual(OPTIONS.filter((o) => o !== "stop"));
  });

  test("with adapters is proven to hold them, each by its own answer", async () => {
    const { url } = await lab({ lab: { adapters: true } });
    const client = engineClient(url);
    expect((await vllm.describe(client, [])).options).toContain("adapter");
    await proveTracer(client, vllm, true);
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(["tracer", ...ADAPTERS]);
  });
});
