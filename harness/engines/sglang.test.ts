import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { NO_OPTIONS, type RequestOptions } from "../../src/trace/options.ts";
import { payloadToken, scanToken } from "../../src/tracer/vocabulary.ts";
import { ContainerServer } from "../container-server.ts";
import type { EngineClient } from "../engine-client.ts";
import { sglang } from "./sglang.ts";

const ask = (cache: boolean) => sglang.request({ prompt: Int32Array.of(300, 301), maxTokens: 3, cache });

test("asks for greedy tokens by id", () => {
  expect(ask(true)).toEqual({
    method: "POST",
    path: "/generate",
    body: {
      input_ids: [300, 301],
      sampling_params: { temperature: 0, max_new_tokens: 3, ignore_eos: true },
      stream: true,
    },
  });
});

test("a request that leaves the cache alone has a key of its own, beside its salt", () => {
  const asked = { prompt: Int32Array.of(300), maxTokens: 3, cache: false };
  const { body } = sglang.request(asked, { ...NO_OPTIONS, salt: "s1" });
  expect(body).toMatchObject({ cache_salt: "s1", extra_key: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(sglang.request(asked).body.extra_key).not.toBe(body.extra_key);
});

test("options go by SGLang's names; those of sampling are merged with every request's", () => {
  const fields = (options: Partial<RequestOptions>) => {
    const plain = ask(true).body;
    const { body } = sglang.request(
      { prompt: Int32Array.of(300, 301), maxTokens: 3, cache: true },
      { ...NO_OPTIONS, ...options },
    );
    return Object.fromEntries(Object.entries(body).filter(([name, value]) => !isDeepStrictEqual(plain[name], value)));
  };
  expect(fields({})).toEqual({});
  expect(fields({ adapter: "base" })).toEqual({});
  expect(fields({ requestId: "id1", session: "c1" })).toEqual({ rid: "id1", session_id: "c1" });
  expect(fields({ adapter: "a2", salt: "s1", priority: 0, logprobs: 2 })).toEqual({
    lora_path: "a2",
    cache_salt: "s1",
    priority: 0,
    return_logprob: true,
    top_logprobs_num: 2,
  });
  expect(fields({ seed: 0, top: 1, presence: 0.75, frequency: 1.125, avoid: [8], banned: [8, 9] })).toEqual({
    sampling_params: {
      temperature: 0.5,
      max_new_tokens: 3,
      ignore_eos: true,
      sampling_seed: 0,
      top_k: 1,
      logit_bias: { 8: -100, 9: -100 },
      presence_penalty: 0.75,
      frequency_penalty: 1.125,
    },
  });
  const grammar = [
    [payloadToken([1, 2, 3]), payloadToken([4, 5, 6])],
    [scanToken([]), scanToken([])],
  ];
  expect(fields({ grammar })).toMatchObject({
    sampling_params: { ebnf: 'root ::= "p123p456" | "scan.000scan.000"' },
  });
});

/** An event with so many tokens told, in the form of SGLang's tokenizer manager. */
const output = (output_ids: number[], completion_tokens: number, finish_reason: object | null = null) => ({
  text: " p029",
  output_ids,
  meta_info: { id: "r", finish_reason, prompt_tokens: 5, completion_tokens, cached_tokens: 4 },
});

describe("its stream", () => {
  const read = (...events: (object | string)[]) => {
    const reader = sglang.reader();
    return events.map((data) => reader(typeof data === "string" ? data : JSON.stringify(data)));
  };
  const told = [
    { kind: "tokens", ids: [300] },
    { kind: "tokens", ids: [301, 302] },
    { kind: "finish", ids: [303], reason: "length", cached: 4, place: null },
    { kind: "ignored" },
  ];
  const length = { type: "length", length: 4 };

  test("events that repeat the tokens before them", () => {
    const events = [output([300], 1), output([300, 301, 302], 3), output([300, 301, 302, 303], 4, length)];
    expect(read(...events, "[DONE]")).toEqual(told);
  });

  test("events of new tokens only, as --incremental-streaming-output has them", () => {
    expect(read(output([300], 1), output([301, 302], 3), output([303], 4, length), "[DONE]")).toEqual(told);
  });

  test("an end that tells no new token", () => {
    expect(read(output([300], 1), output([300], 1, length))[1]).toMatchObject({ kind: "finish", ids: [] });
  });

  test.each([
    [{ type: "stop", matched: 2 }, "stop"],
    [{ type: "abort", message: "Abort in progress" }, "other"],
  ])("an end by %o", (finish_reason, reason) => {
    expect(read(output([300], 1, finish_reason))).toMatchObject([{ kind: "finish", ids: [300], reason }]);
  });

  test("an abort with a status is an error, and so is an event of one", () => {
    const abort = { type: "abort", message: "too long", status_code: 400 };
    expect(read(output([], 0, abort))).toEqual([{ kind: "error", code: "STREAM 400", message: "too long" }]);
    expect(read({ error: { message: "no" } })).toEqual([{ kind: "error", code: "STREAM", message: "no" }]);
  });

  test("what takes tokens back, counts them wrongly or is none of these is refused", () => {
    expect(() => read(output([300], 1), output([301, 302], 2))).toThrow("takes back");
    expect(() => read(output([300, 301], 3))).toThrow("2 ids where 3 tokens");
    expect(() => read({ choices: [] })).toThrow();
    expect(() => read("not JSON")).toThrow();
  });
});

/** A server that answers these paths, and others with 404. */
const server = (replies: Readonly<Record<string, object | number>>): EngineClient => {
  const call = async (path: string) => {
    const reply = replies[path] ?? 404;
    return typeof reply === "number" ? { status: reply, text: "" } : { status: 200, text: JSON.stringify(reply) };
  };
  return { baseUrl: "http://127.0.0.1:1", get: call, post: call };
};
const info = { version: "0.5.23", page_size: 1, max_total_num_tokens: 1280, max_running_requests: null };
const models = { data: [{ id: "tracer", max_model_len: 1024 }] };

describe("a server's description", () => {
  test("without metrics, under an older name, with a request still running", async () => {
    const client = server({ "/get_server_info": info, "/v1/models": models, "/flush_cache": 400 });
    expect(await sglang.describe(client, [])).toMatchObject({
      version: "0.5.23",
      blockSize: 1,
      poolCells: 1280,
      maxRunning: 128,
      flush: { can: true },
      flushesAll: true,
      counters: { can: false, reason: expect.stringContaining("--enable-metrics") },
      options: ["salt", "seed", "logprobs", "avoid", "requestId", "presence", "frequency", "ban", "embed"],
    });
  });

  test("with storage behind the host tier, which a flush does not reach, and priorities as traces mean them", async () => {
    const more = {
      ...info,
      hicache_storage_backend: "file",
      enable_priority_scheduling: true,
      schedule_low_priority_values_first: true,
      enable_session_radix_cache: true,
    };
    const client = server({ "/server_info": more, "/v1/models": models, "/flush_cache": {}, "/metrics": {} });
    const facts = await sglang.describe(client, []);
    expect(facts).toMatchObject({ flushesAll: false, flush: { can: true }, counters: { can: true } });
    expect(facts.options).toEqual(expect.arrayContaining(["priority", "session"]));
    const plain = server({
      "/server_info": { ...more, schedule_low_priority_values_first: false, enable_session_radix_cache: false },
      "/v1/models": models,
    });
    const { options } = await sglang.describe(plain, []);
    for (const option of ["priority", "session"]) expect(options).not.toContain(option);
  });

  test("of what is no SGLang server is refused", async () => {
    await expect(sglang.describe(server({ "/v1/models": models }), [])).rejects.toThrow("HTTP 404, 200");
  });
});

test("a flush that is no call of the server is unsupported", async () => {
  const facts = {} as Awaited<ReturnType<typeof sglang.describe>>;
  await expect(sglang.flush(server({}), facts)).rejects.toMatchObject({ code: "UNSUPPORTED_BY_TARGET" });
});

test("a container is given the whole command", () => {
  const { startCommand } = new ContainerServer({ profile: sglang, model: "tracer", gpus: "all" });
  expect(startCommand.at(-1)).toContain(
    "--gpus all lmsysorg/sglang:v0.5.23 python3 -m sglang.launch_server --model-path /model --host 0.0.0.0 --port 30000",
  );
});

test("an error body that is not its own is shown as it is", () => {
  expect(sglang.readError('{"error":{"message":"no"}}')).toBe("no");
  expect(sglang.readError("Not Found\n")).toBe("Not Found");
});
