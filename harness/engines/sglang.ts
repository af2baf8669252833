/**
 * SGLang, by its native `/generate`: token ids in, token ids out.
 * Source: sglang/srt (http_server, tokenizer_manager, io_struct, metrics collector) as of September 2026, and its page of
 * server arguments. No real server has been run on this profile yet: it is held to the lab in SGLang's dialect.
 */

import { randomUUID } from "node:crypto";
import { z } from "zod";
import { CrosstalkError } from "../../src/errors.ts";
import { embeddingCall, optionFields } from "../../src/target/dialect.ts";
import { PENALTIES, type RequestOption } from "../../src/trace/options.ts";
import { ADAPTERS } from "../../src/tracer/adapter.ts";
import type { EngineClient, Reply } from "../engine-client.ts";
import { flushWhenIdle } from "./flush-when-idle.ts";
import type { EngineFacts, EngineProfile, EventReader } from "./profile.ts";
import { capability, errorMessage, openAiEmbedding, parseReply, servedModels } from "./replies.ts";

const errorBody = z.object({ error: z.object({ message: z.string() }) });
const event = z.object({
  output_ids: z.array(z.int()),
  meta_info: z.object({
    completion_tokens: z.int(),
    cached_tokens: z.int().nullish(),
    finish_reason: z
      .object({ type: z.string(), message: z.string().nullish(), status_code: z.int().nullish() })
      .nullable(),
  }),
});
/** The server's arguments and what its scheduler has made of them. */
const serverInfo = z.object({
  version: z.string(),
  page_size: z.int(),
  max_total_num_tokens: z.int(),
  max_running_requests: z.int().nullish(),
  enable_priority_scheduling: z.boolean().nullish(),
  schedule_low_priority_values_first: z.boolean().nullish(),
  enable_session_radix_cache: z.boolean().nullish(),
  hicache_storage_backend: z.string().nullish(),
});

/**
 * Options that campaigns ask for, beside adapters and priorities. It knows `grammar` too, by the name of `ebnf`: no run has
 * shown yet that it works with the tracer's tokenizer.
 */
const ASKED: readonly RequestOption[] = [
  "salt",
  "seed",
  "logprobs",
  "avoid",
  "requestId",
  ...PENALTIES,
  // A server that generates refuses it: SGLang embeds with --is-embedding, and then does nothing else.
  "embed",
];

/** Where `--max-running-requests` is not given: SGLang's own choice depends on the memory. */
const DEFAULT_RUNNING = 128;

export const sglang: EngineProfile = {
  name: "sglang",
  title: "SGLang",
  modelFormat: "hf",
  dialect: "sglang",
  defaultPort: 30000,
  image: {
    name: "lmsysorg/sglang:v0.5.23",
    build: null,
    modelPath: "/model",
    // The image has none: the whole command is the container's.
    entryPoint: [],
    sharedMemory: 32 * 1024 ** 3,
  },
  serve: [
    ...["python3", "-m", "sglang.launch_server", "--model-path", "{model.hf}", "--host", "{host}", "--port", "{port}"],
    // Triton's kernels, unlike FlashInfer's, take 32-bit floats.
    ...["--served-model-name", "tracer", "--dtype", "float32", "--attention-backend", "triton", "--disable-cuda-graph"],
    // Small, so that a few prompts of some hundred tokens fill the pool, evict and retract each other.
    ...["--context-length", "1024", "--max-total-tokens", "1280", "--page-size", "16", "--max-running-requests", "16"],
    ...["--chunked-prefill-size", "256", "--enable-metrics"],
  ],
  adapterArgs: [
    ...["--enable-lora", "--lora-paths", ...ADAPTERS.map((a) => `${a}={adapters}/${a}`)],
    ...["--max-loras-per-batch", String(ADAPTERS.length + 1), "--max-lora-rank", "64"],
  ],
  environment: {
    HF_HUB_OFFLINE: "1",
    // Or each question whether it is ready would be a request with cells of its own.
    SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: "false",
  },
  knobs: [
    { flag: "--max-total-tokens", campaign: "1280", what: "cells of the pool" },
    { flag: "--page-size", campaign: "16", what: "cells of a page; SGLang's own default is 1" },
    { flag: "--max-running-requests", campaign: "16", what: "requests that run at once" },
    { flag: "--chunked-prefill-size", campaign: "256", what: "tokens of one prefill chunk" },
    { flag: "--schedule-conservativeness", campaign: "0.1", what: "low: more are admitted, and retracted again" },
    { flag: "--enable-hierarchical-cache", campaign: "", what: "a host tier behind the pool (--hicache-ratio)" },
    {
      flag: "--enable-priority-scheduling",
      campaign: "--schedule-low-priority-values-first",
      what: "requests have priorities, as traces mean them",
    },
    { flag: "--enable-session-radix-cache", campaign: "", what: "sessions by name (session_id) keep their cells" },
    { flag: "--disable-overlap-schedule", campaign: "", what: "no step is planned while another one runs" },
    { flag: "--disable-radix-cache", campaign: "", what: "no cells are shared" },
  ],
  faults: [],
  gpu: { need: "required", image: null },
  readyPath: "/health",
  connection: "keep-alive",
  abort: "disconnect",
  metrics: {
    path: "/metrics",
    counters: {
      promptTokens: ["sglang:prompt_tokens_total"],
      promptTokensCached: ["sglang:cached_tokens_total"],
      generatedTokens: ["sglang:generation_tokens_total"],
      // `num_retracted_reqs` is a gauge of the last batch.
      preemptions: ["sglang:num_retracted_requests_total"],
      requestsFinished: ["sglang:num_requests_total"],
    },
  },
  request: ({ prompt, maxTokens, cache }, options) => {
    if (options?.embed) return embeddingCall(prompt, options, cache ? {} : { extra_key: randomUUID() });
    const { sampling_params, ...fields } = options ? optionFields("sglang", options) : {};
    return {
      method: "POST",
      path: "/generate",
      body: {
        input_ids: Array.from(prompt),
        sampling_params: {
          temperature: 0,
          max_new_tokens: maxTokens,
          ignore_eos: true,
          ...(sampling_params as object),
        },
        stream: true,
        ...fields,
        // Like a salt, and beside one: nobody else has this key.
        ...(cache ? {} : { extra_key: randomUUID() }),
      },
    };
  },
  reader,
  readEmbedding: openAiEmbedding,
  readError: errorMessage,
  describe,
  arrange: null,
  flush,
};

/**
 * Events repeat all tokens before them, unless the server runs with `--incremental-streaming-output`: both are told
 * apart by the number of tokens so far.
 */
function reader(): EventReader {
  const streamed: number[] = [];
  return (data) => {
    if (data === "[DONE]") return { kind: "ignored" };
    const error = parseReply(errorBody, data);
    if (error) return { kind: "error", code: "STREAM", message: error.error.message };
    const { output_ids, meta_info } = event.parse(JSON.parse(data));
    const { completion_tokens, cached_tokens, finish_reason } = meta_info;
    const before = streamed.length;
    const repeats = output_ids.length === completion_tokens;
    if (!repeats && output_ids.length !== completion_tokens - before)
      throw new Error(`${output_ids.length} ids where ${completion_tokens} tokens are told, ${before} of them before`);
    if (repeats && streamed.some((id, i) => id !== output_ids[i]))
      throw new Error("takes back tokens of earlier events");
    const ids = repeats ? output_ids.slice(before) : output_ids;
    streamed.push(...ids);
    if (finish_reason === null) return ids.length === 0 ? { kind: "ignored" } : { kind: "tokens", ids };
    const { type, message, status_code } = finish_reason;
    if (status_code != null) return { kind: "error", code: `STREAM ${status_code}`, message: message ?? type };
    const reason = type === "length" || type === "stop" ? type : "other";
    return { kind: "finish", ids, reason, cached: cached_tokens ?? null, place: null };
  };
}

async function describe(client: EngineClient): Promise<EngineFacts> {
  const [told, served, metrics] = await Promise.all([
    firstOf(client, "/server_info", "/get_server_info"),
    client.get("/v1/models"),
    client.get("/metrics"),
  ]);
  const info = parseReply(serverInfo, told.text);
  const { adapters, contextTokens } = servedModels(served.text);
  if (!info || !contextTokens) {
    throw new CrosstalkError(
      "SERVER_UNREACHABLE",
      `${client.baseUrl} does not answer /server_info and /v1/models as SGLang does (HTTP ${told.status}, ${served.status})`,
      "Is this an SGLang server? Name another engine with --engine, or start one with --cmd.",
    );
  }
  const flushed = await client.post("/flush_cache");
  const priority = info.enable_priority_scheduling && info.schedule_low_priority_values_first;
  return {
    version: info.version,
    maxRunning: info.max_running_requests ?? DEFAULT_RUNNING,
    contextTokens,
    poolCells: info.max_total_num_tokens,
    blockSize: info.page_size,
    // 400: a request is still running.
    flush: flushed.status === 400 ? { can: true } : capability(sglang, flushed, "is there a proxy before the server?"),
    // The host tier goes with the radix tree; what storage behind it holds stays.
    flushesAll: info.hicache_storage_backend == null,
    counters: capability(sglang, metrics, "start the server with --enable-metrics"),
    options: [
      ...(adapters ? (["adapter"] as const) : []),
      ...(priority ? (["priority"] as const) : []),
      ...(info.enable_session_radix_cache ? (["session"] as const) : []),
      ...ASKED,
    ],
  };
}

/** Newer servers know the first name, older ones the second. */
async function firstOf(client: EngineClient, newer: string, older: string): Promise<Reply> {
  const reply = await client.get(newer);
  return reply.status === 404 ? client.get(older) : reply;
}

function flush(client: EngineClient): Promise<string> {
  return flushWhenIdle({
    ask: () => client.post("/flush_cache"),
    said: ({ status }) => (status === 200 ? "the radix cache was flushed" : status === 400 ? "held" : null),
    readError: sglang.readError,
    advice: "Ask the server itself, not a router before it",
  });
}
