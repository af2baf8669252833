import { describe, expect, test } from "vitest";
import { toRun } from "../src/check/property.ts";
import { mistakes } from "../src/lab/testing/lab-run.ts";
import { NO_OPTIONS } from "../src/trace/options.ts";
import { validateTrace } from "../src/trace/read.ts";
import { TRACE_VERSION } from "../src/trace/schema.ts";
import { narrowRead } from "../src/tracer/read-tokens.ts";
import { payloadToken, rungToken, scanToken, VOCABULARY_SIZE } from "../src/tracer/vocabulary.ts";
import { complete, engineClient } from "./engine-client.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { proveTracer } from "./handshake.ts";
import { serveLab } from "./lab-http.ts";
import { ServerTarget } from "./server-target.ts";
import { eventsOf, labServer, metricsOf, payload, postJson, scan, underWay } from "./testing/lab-server.ts";
import { manifestOfNothing } from "./testing/manifest.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { UrlServer } from "./url-server.ts";

const post = (url: string, body: unknown, signal?: AbortSignal) => postJson(`${url}/completion`, body, signal);
const metrics = (url: string) => metricsOf(url, "llamacpp:");
const inFlight = (url: string, count: number) =>
  underWay(url, "llamacpp:", ["requests_processing", "requests_deferred"], count);

interface Chunk {
  readonly tokens: readonly number[];
  readonly stop: boolean;
}
const chunksOf = (stream: string): Chunk[] => eventsOf<Chunk>(stream) as Chunk[];

describe("a lab over HTTP", () => {
  test("streams an answer as llama-server does", async () => {
    const { url } = await labServer();
    const prompt = [...payload(1, 9, 40), ...narrowRead(40)];
    const reply = await post(url, { prompt, n_predict: 3, stream: true, return_tokens: true });
    expect(reply.headers.get("content-type")).toBe("text/event-stream");
    const chunks = chunksOf(await reply.text());
    expect(chunks.flatMap((chunk) => chunk.tokens)).toEqual(prompt.slice(0, 3));
    expect(chunks.slice(0, -1).every((chunk) => !chunk.stop && chunk.tokens.length === 1)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      tokens: [],
      stop: true,
      stop_type: "limit",
      id_slot: 0,
      tokens_evaluated: 43,
      tokens_predicted: 3,
      timings: { cache_n: 0, prompt_n: 43, predicted_n: 3 },
    });
  });

  test("holds an answer to a grammar, whatever the cells say", async () => {
    const { url } = await labServer();
    const asked = { prompt: Int32Array.from(scan(1, 5, 50)), maxTokens: 3, cache: true, adapter: null };
    const sentence = [payloadToken([1, 2, 3]), rungToken(2, 0), rungToken(2, 11)];
    const grammar = [sentence, [scanToken([6]), scanToken([6]), scanToken([6])]];
    const answer = await complete(engineClient(url), llamaCpp, asked, { ...NO_OPTIONS, grammar });
    expect(answer).toMatchObject({ ok: true, ids: sentence });
    for (const grammar of ["root ::= [a-z]", 'root ::= "no token"'])
      expect((await post(url, { prompt: scan(1, 5, 50), n_predict: 1, grammar })).status).toBe(400);
  });

  test("answers in one piece, and from its cache the second time", async () => {
    const { url } = await labServer();
    const body = { prompt: [...payload(1, 9, 40), ...narrowRead(40)], n_predict: 2, return_tokens: true };
    await (await post(url, body)).json();
    const second = await (await post(url, body)).json();
    expect(second).toMatchObject({ tokens: body.prompt.slice(0, 2), timings: { cache_n: 32, prompt_n: 11 } });
    const erased = await fetch(`${url}/slots/0?action=erase`, { method: "POST" });
    expect(await erased.json()).toEqual({ id_slot: 0, n_erased: 32 });
    expect(await (await post(url, body)).json()).toMatchObject({ timings: { cache_n: 0 } });
    expect(await metrics(url)).toEqual({
      prompt_tokens_total: 97,
      prompt_tokens_cached_total: 32,
      tokens_predicted_total: 6,
      requests_processing: 0,
      requests_deferred: 0,
    });
  });

  test.each([
    [{ prompt: [VOCABULARY_SIZE], n_predict: 1 }, "invalid tokens"],
    [{ prompt: "text", n_predict: 1 }, "token ids"],
    [{ prompt: scan(1, 1, 1020), n_predict: 100 }, "context of 1024"],
  ])("refuses what it cannot serve: %#", async (body, message) => {
    const { url } = await labServer();
    const reply = await post(url, body);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { code: 400, message: expect.stringContaining(message) } });
  });

  test("stops when the client hangs up", async () => {
    const { url } = await labServer({ clock: new ManualClock() });
    const client = new AbortController();
    const reply = post(url, { prompt: scan(1, 5, 60), n_predict: 8, stream: true }, client.signal);
    await inFlight(url, 1);
    client.abort();
    await expect(reply).rejects.toThrow();
    await inFlight(url, 0);
    expect((await metrics(url)).tokens_predicted_total).toBe(0);
  });

  test("shows pd-free-on-abort to a client that hangs up during the transfer", async () => {
    const answer = async (fault: string | null) => {
      const clock = new ManualClock();
      const { url } = await labServer({ clock, speed: 1, lab: { topology: "pd", fault } });
      const client = new AbortController();
      const cancelled = post(url, { prompt: scan(1, 5, 250), n_predict: 8, stream: true }, client.signal);
      await inFlight(url, 1);
      clock.moveTo(12);
      client.abort();
      await expect(cancelled).rejects.toThrow();
      await inFlight(url, 0);
      const victim = post(url, { prompt: scan(2, 42, 30), n_predict: 16, stream: true });
      await inFlight(url, 1);
      clock.moveTo(100);
      return chunksOf(await (await victim).text()).flatMap((chunk) => chunk.tokens);
    };
    const right = Array.from({ length: 16 }, () => scanToken([42]));
    expect(await answer(null)).toEqual(right);
    const wrong = await answer("pd-free-on-abort");
    expect(wrong).toHaveLength(16);
    expect(wrong).not.toEqual(right);
  });

  test("says that its port is taken", async () => {
    const { port } = await labServer();
    await expect(serveLab({ port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
  });
});

describe("a lab as a server under test", () => {
  test("is described, flushed and asked by the profile of llama-server", async () => {
    const { url } = await labServer();
    const client = engineClient(url);
    const facts = await llamaCpp.describe(client, []);
    expect(facts).toMatchObject({ version: "crosstalk-lab", maxRunning: 8, contextTokens: 1024, flush: { can: true } });
    const asked = { prompt: Int32Array.from(scan(1, 5, 50)), maxTokens: 4, cache: true, adapter: null };
    expect(await complete(client, llamaCpp, asked)).toMatchObject({ ok: true, cached: 0, place: "slot 0" });
    expect(await complete(client, llamaCpp, asked)).toMatchObject({ ok: true, cached: 48 });
    expect(await llamaCpp.flush(client, facts)).toMatch(/^erased 48 cells/);
    expect(facts.options).not.toContain("adapter");
  });

  test("with adapters is proven to hold them, each by its own answer", async () => {
    const { url } = await labServer({ lab: { adapters: true } });
    const client = engineClient(url);
    const facts = await llamaCpp.describe(client, []);
    expect(facts.options).toContain("adapter");
    await proveTracer(client, llamaCpp, true);
    await expect(client.post("/completion", { prompt: [300], lora: [{ id: 7, scale: 1 }] })).resolves.toMatchObject({
      status: 400,
    });
  });

  test("runs a trace in real time, and shows the same fault to the executor", async () => {
    // The fault shows from 8 to 28 ms of virtual time: so slow that a busy machine may be most of a second late.
    const { url } = await labServer({ speed: 0.02, lab: { topology: "pd", fault: "pd-free-on-abort" } });
    const target = new ServerTarget({
      server: new UrlServer({ url, profile: llamaCpp }),
      profile: llamaCpp,
      model: manifestOfNothing("m"),
    });
    await target.start();
    const trace = validateTrace({
      crosstalk: TRACE_VERSION,
      name: "cancel during a transfer",
      segments: { A: { seed: 1, family: 5, length: 250 }, B: { seed: 2, family: 42, length: 30 } },
      steps: [
        { at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 8 },
        { at: 500, cancel: "r1" },
        { at: 510, send: "r2", prompt: [{ seg: "B" }, { read: "scan" }], maxTokens: 16 },
      ],
    });
    const run = toRun(trace, await target.execute(trace, { arm: "main" }));
    await target.stop();
    expect(mistakes(run)).toEqual([expect.stringMatching(/^r2 is wrong/)]);
  });
});
