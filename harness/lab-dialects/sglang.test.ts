import { describe, expect, test } from "vitest";
import { NO_OPTIONS } from "../../src/trace/options.ts";
import { narrowRead } from "../../src/tracer/read-tokens.ts";
import { payloadToken, rungToken, scanToken, VOCABULARY_SIZE } from "../../src/tracer/vocabulary.ts";
import { acceptedOptions } from "../accepted-options.ts";
import { complete, engineClient } from "../engine-client.ts";
import { sglang } from "../engines/sglang.ts";
import { proveTracer } from "../handshake.ts";
import type { LabServerOptions } from "../lab-http.ts";
import { eventsOf, labServer, metricsOf, payload, postJson, scan, underWay } from "../testing/lab-server.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const lab = (options: LabServerOptions = {}) => labServer({ dialect: "sglang", ...options });

/** A request for so many tokens, greedy. */
const ask = (input_ids: readonly number[] | string, max_new_tokens: number, more: object = {}) => ({
  input_ids,
  sampling_params: { temperature: 0, max_new_tokens },
  ...more,
});
const post = (url: string, body: object, signal?: AbortSignal) => postJson(`${url}/generate`, body, signal);
const metrics = (url: string) => metricsOf(url, "sglang:");
const inFlight = (url: string, count: number) =>
  underWay(url, "sglang:", ["num_running_reqs", "num_queue_reqs"], count);
const flush = async (url: string) => (await postJson(`${url}/flush_cache`, {})).status;

interface Output {
  readonly output_ids: readonly number[];
  readonly meta_info: {
    readonly id: string;
    readonly cached_tokens: number;
    readonly finish_reason: { readonly type: string } | null;
  };
}
const narrow = [...payload(1, 9, 40), ...narrowRead(40)];

test("streams an answer as SGLang does: each event repeats the tokens before it", async () => {
  const { url } = await lab();
  const reply = await post(url, ask(narrow, 4, { stream: true, rid: "mine" }));
  expect(reply.headers.get("content-type")).toBe("text/event-stream");
  const events = eventsOf<Output>(await reply.text());
  expect(events.pop()).toBe("[DONE]");
  const outputs = events as Output[];
  expect(outputs.map(({ output_ids }) => output_ids)).toEqual([1, 3, 4, 4].map((count) => narrow.slice(0, count)));
  expect(outputs.map(({ meta_info }) => meta_info.finish_reason)).toEqual([
    null,
    null,
    null,
    { type: "length", length: 4 },
  ]);
  expect(outputs.at(-1)!.meta_info).toMatchObject({
    id: "mine",
    prompt_tokens: 43,
    completion_tokens: 4,
    cached_tokens: 0,
  });
});

test("answers in one piece, from its cache the second time, and counts", async () => {
  const { url } = await lab();
  const cached = async (more: object = {}) => {
    const output = (await (await post(url, ask(narrow, 2, more))).json()) as Output;
    expect(output.output_ids).toEqual(narrow.slice(0, 2));
    return output.meta_info.cached_tokens;
  };
  expect(await cached()).toBe(0);
  expect(await cached()).toBe(32);
  expect(await cached({ cache_salt: "another" })).toBe(0);
  expect(await cached({ extra_key: "another" })).toBe(32);
  expect(await cached({ extra_key: "another", cache_salt: "another" })).toBe(0);
  expect(await flush(url)).toBe(200);
  expect(await cached()).toBe(0);
  expect(await metrics(url)).toMatchObject({
    num_running_reqs: 0,
    num_queue_reqs: 0,
    token_usage: 0,
    cache_hit_rate: 64 / 258,
    cached_tokens_total: 64,
    num_retracted_requests_total: 0,
    num_requests_total: 6,
    num_aborted_requests_total: 0,
  });
});

test.each([
  [ask([VOCABULARY_SIZE], 1), "not in the vocabulary"],
  [ask("text", 1), "token ids"],
  [ask(scan(1, 1, 20), 1, { lora_path: "another" }), "not loaded: another"],
  [{ ...ask(scan(1, 1, 20), 1), sampling_params: { stop_token_ids: [7] } }, "no stop tokens"],
])("refuses what is no request for it: %#", async (body, message) => {
  const { url } = await lab();
  const reply = await post(url, body);
  expect(reply.status).toBe(400);
  expect(await reply.json()).toEqual({ error: { message: expect.stringContaining(message) } });
});

test("what the engine refuses is an error of the stream, where there is one", async () => {
  const { url } = await lab();
  const tooLong = ask(scan(1, 1, 1020), 100);
  const error = { error: { message: expect.stringContaining("context of 1024") } };
  const whole = await post(url, tooLong);
  expect([whole.status, await whole.json()]).toEqual([400, error]);
  const streamed = await post(url, { ...tooLong, stream: true });
  expect([streamed.status, eventsOf(await streamed.text())]).toEqual([200, [error, "[DONE]"]]);
});

test("stops when the client hangs up, and cannot flush before", async () => {
  const clock = new ManualClock();
  const { url } = await lab({ clock, speed: 1 });
  const client = new AbortController();
  const reply = await post(url, ask(scan(1, 5, 60), 8, { stream: true }), client.signal);
  client.abort();
  await expect(reply.text()).rejects.toThrow();
  await inFlight(url, 0);
  // The step under way still ends with its cells.
  expect(await flush(url)).toBe(400);
  clock.moveTo(100);
  expect(await flush(url)).toBe(200);
  expect(await metrics(url)).toMatchObject({ num_requests_total: 0, num_aborted_requests_total: 1 });
});

test("aborts by request id: that request ends, its neighbour goes on", async () => {
  const clock = new ManualClock();
  const { url } = await lab({ clock, speed: 1 });
  const first = await post(url, ask(scan(1, 5, 60), 8, { stream: true, rid: "first" }));
  const second = await post(url, ask(scan(1, 5, 60), 8, { stream: true, rid: "second" }));
  expect((await post(url, ask(scan(1, 5, 60), 8, { rid: "first" }))).status).toBe(400);
  await postJson(`${url}/abort_request`, { rid: "first" });
  clock.moveTo(100);
  const last = async (reply: Response) => eventsOf<Output>(await reply.text()).at(-2) as Output;
  expect((await last(first)).meta_info.finish_reason).toMatchObject({ type: "abort" });
  expect((await last(second)).meta_info.finish_reason).toEqual({ type: "length", length: 8 });
  expect(await metrics(url)).toMatchObject({ num_requests_total: 1, num_aborted_requests_total: 1 });
});

test("an id may come again when its request has ended", async () => {
  const { url } = await lab();
  for (let time = 0; time < 3; time++) {
    const reply = await post(url, ask(narrow, 4, { rid: "again" }));
    expect(((await reply.json()) as Output).output_ids).toEqual(narrow.slice(0, 4));
  }
  expect(await metrics(url)).toMatchObject({ num_requests_total: 3, num_aborted_requests_total: 0 });
});

test("a session's next turn goes on in the block where the last one ended, until it is closed", async () => {
  const { url } = await lab();
  const cached = async (prompt: readonly number[]) =>
    ((await (await post(url, ask(prompt, 1, { session_id: "c" }))).json()) as Output).meta_info.cached_tokens;
  const turn = (length: number) => [...payload(1, 5, length), scanToken([5])];
  expect([await cached(turn(40)), await cached(turn(60)), await cached(turn(70))]).toEqual([0, 40, 60]);
  await postJson(`${url}/close_session`, { session_id: "c" });
  expect(await cached(turn(70))).toBe(64);
  // What sessions hold is no request's.
  expect(await flush(url)).toBe(200);
});

describe("asked by the profile of SGLang", () => {
  test("holds an answer to a grammar, whatever the cells say", async () => {
    const { url } = await lab();
    const asked = { prompt: Int32Array.from(scan(1, 5, 50)), maxTokens: 3, cache: true, adapter: null };
    const sentence = [payloadToken([1, 2, 3]), rungToken(2, 0), rungToken(2, 11)];
    const grammar = [sentence, [scanToken([6]), scanToken([6]), scanToken([6])]];
    const answer = await complete(engineClient(url), sglang, asked, { ...NO_OPTIONS, grammar });
    expect(answer).toMatchObject({ ok: true, ids: sentence });
    const own = [scanToken([5]), scanToken([5]), scanToken([5])];
    const free = await complete(engineClient(url), sglang, asked, { ...NO_OPTIONS, grammar: [sentence, own] });
    expect(free).toMatchObject({ ok: true, ids: own });
  });

  test("is described, flushed, and cold for a request that leaves the cache alone", async () => {
    const { url } = await lab();
    const client = engineClient(url);
    const facts = await sglang.describe(client, []);
    expect(facts).toMatchObject({
      version: "crosstalk-lab",
      maxRunning: 8,
      contextTokens: 1024,
      blockSize: 16,
      poolCells: 1536,
      flush: { can: true },
      flushesAll: true,
      counters: { can: true },
    });
    expect(facts.options).not.toContain("adapter");
    expect(await acceptedOptions(client, sglang, facts.options)).toEqual(facts.options);
    const asked = { prompt: Int32Array.from(scan(1, 5, 50)), maxTokens: 4, cache: true, adapter: null };
    const right = { ok: true, ids: Array.from({ length: 4 }, () => scanToken([5])) };
    expect(await complete(client, sglang, asked)).toMatchObject({ ...right, cached: 0 });
    expect(await complete(client, sglang, asked)).toMatchObject({ ...right, cached: 48 });
    expect(await complete(client, sglang, { ...asked, cache: false })).toMatchObject({ ...right, cached: 0 });
    expect(await sglang.flush(client, facts)).toBe("the radix cache was flushed");
    expect(await complete(client, sglang, asked)).toMatchObject({ ...right, cached: 0 });
  });

  test("with adapters is proven to hold them, each by its own answer", async () => {
    const { url } = await lab({ lab: { adapters: true } });
    const client = engineClient(url);
    expect((await sglang.describe(client, [])).options).toContain("adapter");
    await proveTracer(client, sglang, true);
  });
});
