/**
 * vLLM's OpenAI server, by `/v1/completions`: token ids in, token ids out.
 * Source: vllm/entrypoints and vllm/v1 of version 0.32.0, whose CPU build was run.
 */

import { randomUUID } from "node:crypto";
import { z } from "zod";
import { CrosstalkError } from "../../src/errors.ts";
import type { Logprob } from "../../src/history/schema.ts";
import { embeddingCall, optionFields } from "../../src/target/dialect.ts";
import { OPTIONS, type RequestOption } from "../../src/trace/options.ts";
import { MAX_CHOICES } from "../../src/trace/schema.ts";
import { ADAPTERS } from "../../src/tracer/adapter.ts";
import type { EngineClient } from "../engine-client.ts";
import { flushWhenIdle } from "./flush-when-idle.ts";
import type { EngineFacts, EngineProfile, EventReader, PlantedFault, StreamEvent } from "./profile.ts";
import { labelsOf } from "./prometheus.ts";
import { argumentOf, capability, errorMessage, openAiEmbedding, parseReply, servedModels } from "./replies.ts";

const errorBody = z.object({
  error: z.object({ message: z.string(), code: z.union([z.int(), z.string()]).nullish() }),
});
const logprobsBody = z.object({
  token_logprobs: z.array(z.number()),
  /** The tokens of each place by `token_id:300`: the one that was drawn, and as many of the likeliest as were asked for. */
  top_logprobs: z.array(z.record(z.string(), z.number())),
});
const chunk = z.object({
  choices: z.array(
    z.object({
      index: z
        .int()
        .nonnegative()
        .max(MAX_CHOICES - 1),
      token_ids: z.array(z.int()).nullish(),
      logprobs: logprobsBody.nullish(),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: z.object({ prompt_tokens_details: z.object({ cached_tokens: z.int().nullish() }).nullish() }).nullish(),
});
const version = z.object({ version: z.string() });
const cacheConfig = z.object({ block_size: z.coerce.number().int(), num_gpu_blocks: z.coerce.number().int() });
const reset = z.object({ success: z.boolean() });

/** Options that campaigns do not ask for: sessions are for streamed input, which the completions have not. */
const NOT_ASKED: readonly RequestOption[] = ["session"];

/** Where `--max-num-seqs` is not given: vLLM's own default differs from machine to machine, and this is the least. */
const DEFAULT_RUNNING = 128;

export const vllm: EngineProfile = {
  name: "vllm",
  title: "vLLM",
  modelFormat: "hf",
  dialect: "vllm",
  defaultPort: 8000,
  image: {
    name: "crosstalk/vllm-cpu:local",
    build: "docker build -t crosstalk/vllm-cpu:local docker/vllm-cpu",
    modelPath: "/model",
    entryPoint: ["vllm", "serve"],
    // Its processes talk through 160 MiB of it; Docker gives 64 MiB.
    sharedMemory: 1024 ** 3,
  },
  serve: [
    ...["vllm", "serve", "{model.hf}", "--host", "{host}", "--port", "{port}", "--served-model-name", "tracer"],
    ...["--dtype", "float32", "--enforce-eager", "--max-model-len", "1024"],
    // Small, so that a few prompts of some hundred tokens fill the pool, evict and preempt each other.
    ...["--block-size", "32", "--num-gpu-blocks-override", "40", "--max-num-seqs", "16"],
    ...["--max-num-batched-tokens", "256", "--enable-prompt-tokens-details"],
  ],
  adapterArgs: [
    ...["--enable-lora", "--lora-modules", ...ADAPTERS.map((a) => `${a}={adapters}/${a}`)],
    // One more than there are: where all slots are taken, the CPU kernels compute requests without an adapter with the
    // last slot's (vllm-project/vllm#48421, #49656).
    ...["--max-loras", String(ADAPTERS.length + 1), "--max-lora-rank", "64"],
  ],
  environment: {
    // Without it there is no /reset_prefix_cache.
    VLLM_SERVER_DEV_MODE: "1",
    VLLM_NO_USAGE_STATS: "1",
    HF_HUB_OFFLINE: "1",
    // For the CPU build: GiB of cells, which the override above caps, and one thread that goes where the system puts it.
    VLLM_CPU_KVCACHE_SPACE: "1",
    VLLM_CPU_OMP_THREADS_BIND: "nobind",
    OMP_NUM_THREADS: "1",
  },
  knobs: [
    { flag: "--num-gpu-blocks-override", campaign: "40", what: "blocks of the pool, one of which is never used" },
    { flag: "--block-size", campaign: "32", what: "cells of a block; on CPUs a multiple of 32" },
    { flag: "--max-num-seqs", campaign: "16", what: "requests that run at once" },
    { flag: "--max-num-batched-tokens", campaign: "256", what: "tokens of one step: longer prompts come in chunks" },
    { flag: "--async-scheduling, --no-async-scheduling", campaign: "", what: "whether the next step is planned early" },
    { flag: "--scheduling-policy", campaign: "priority", what: "fcfs or priority: who is preempted" },
    { flag: "--no-enable-prefix-caching", campaign: "", what: "no cells are shared" },
  ],
  // docker/vllm-cpu/faults says what each does.
  faults: [
    ...["abort-frees-shared", "evicts-referenced", "count-one-block-over", "stale-computed-count"],
    ...["partial-block-published", "parent-not-hashed", "salt-not-hashed", "block-row-left", "slots-of-old-row"],
    ...["mask-row-left", "mask-row-copied", "tokens-by-schedule", "output-by-offset", "logprobs-by-rank"],
  ]
    .map((name): PlantedFault => ({ name, args: [] }))
    .concat(["adapter-not-hashed", "adapter-row-left"].map((name) => ({ name, args: [], adapters: "some" }))),
  gpu: { need: "optional", image: "vllm/vllm-openai:v0.32.0" },
  readyPath: "/health",
  connection: "keep-alive",
  abort: "disconnect",
  metrics: {
    path: "/metrics",
    counters: {
      promptTokens: ["vllm:prompt_tokens_total"],
      promptTokensCached: ["vllm:prompt_tokens_cached_total"],
      generatedTokens: ["vllm:generation_tokens_total"],
      prefixQueries: ["vllm:prefix_cache_queries_total"],
      prefixHits: ["vllm:prefix_cache_hits_total"],
      preemptions: ["vllm:num_preemptions_total"],
      // A request whose client hung up is answered and never finished: nothing counts it as aborted.
      requestsAnswered: ['http_requests_total{handler="/v1/completions",status="2xx"}'],
      requestsFinished: ["vllm:request_success_total"],
    },
  },
  request: ({ prompt, maxTokens, cache }, options) => {
    // A salt that nobody else has is the one way to find no cells of others that leaves the rest as it is: vLLM skips
    // the look-up only for requests that ask for the prompt's logprobs, and those cannot stream.
    const alone = cache ? {} : { cache_salt: randomUUID() };
    if (options?.embed) return embeddingCall(prompt, options, alone);
    return {
      method: "POST",
      path: "/v1/completions",
      body: {
        prompt: Array.from(prompt),
        max_tokens: maxTokens,
        temperature: 0,
        ignore_eos: true,
        stream: true,
        stream_options: { include_usage: true },
        return_token_ids: true,
        ...(options ? optionFields("vllm", options) : {}),
        ...alone,
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

/** The reason comes with a choice's last token, the number of cached tokens in an event of its own after all of them. */
function reader(): EventReader {
  /** Of the choices that have ended. */
  let reasons: string[] = [];
  /** Once: `[DONE]` comes after the usage, and tells nothing new. */
  const finish = (cached: number | null): StreamEvent => {
    if (reasons.length === 0) return { kind: "ignored" };
    const reason = reasons.find((one) => one !== "length") ?? "length";
    const ended = reason === "length" || reason === "stop" ? reason : "other";
    reasons = [];
    return { kind: "finish", ids: [], reason: ended, cached, place: null };
  };
  return (data) => {
    // Only a server that sends no usage ends without having said so.
    if (data === "[DONE]") return finish(null);
    const error = parseReply(errorBody, data);
    if (error) return { kind: "error", code: `STREAM ${error.error.code ?? ""}`.trim(), message: error.error.message };
    const { choices, usage } = chunk.parse(JSON.parse(data));
    const [choice, more] = choices;
    if (!choice) return finish(usage?.prompt_tokens_details?.cached_tokens ?? null);
    if (more) throw new Error("an event of several choices");
    const { index, token_ids: ids, finish_reason } = choice;
    if (finish_reason) reasons.push(finish_reason);
    if (ids == null) throw new Error("no token ids: the server does not know return_token_ids");
    if (ids.length === 0) return { kind: "ignored" };
    return {
      kind: "tokens",
      ids,
      ...(choice.logprobs == null ? {} : { logprobs: logprobsOf(ids, choice.logprobs) }),
      ...(index === 0 ? {} : { choice: index }),
    };
  };
}

function logprobsOf(ids: readonly number[], told: z.infer<typeof logprobsBody>): Logprob[] {
  if (told.token_logprobs.length !== ids.length || told.top_logprobs.length !== ids.length)
    throw new Error("not one log-probability for each token");
  return ids.map((id, i) => {
    const others = Object.entries(told.top_logprobs[i]!).filter(([name]) => name !== `token_id:${id}`);
    const own = told.token_logprobs[i]!;
    if (others.length === 0) return { own };
    const [name, logprob] = others.reduce((best, other) => (other[1] > best[1] ? other : best));
    return { own, rival: { id: Number(name.slice("token_id:".length)), logprob } };
  });
}

async function describe(client: EngineClient, args: readonly string[]): Promise<EngineFacts> {
  const [told, served, metrics] = await Promise.all([
    client.get("/version"),
    client.get("/v1/models"),
    client.get("/metrics"),
  ]);
  const named = parseReply(version, told.text);
  const { adapters, contextTokens } = servedModels(served.text);
  const cache = cacheConfig.safeParse(labelsOf(metrics.text, "vllm:cache_config_info")).data;
  if (!named || !contextTokens || !cache) {
    throw new CrosstalkError(
      "SERVER_UNREACHABLE",
      `${client.baseUrl} does not answer /version, /v1/models and /metrics as vLLM does (HTTP ${told.status}, ${served.status}, ${metrics.status})`,
      "Is this a vLLM server, version 1 of its engine? Name another engine with --engine, or start one with --cmd.",
    );
  }
  // Blocks of connectors and other tiers are out of a reset's reach.
  const tiers = ["--kv-transfer-config", "--kv-offloading-size"].filter((name) => argumentOf(args, name) !== null);
  return {
    version: named.version,
    maxRunning: Number(argumentOf(args, "--max-num-seqs") ?? DEFAULT_RUNNING),
    contextTokens,
    // Block 0 stands for no block.
    poolCells: (cache.num_gpu_blocks - 1) * cache.block_size,
    blockSize: cache.block_size,
    flush: capability(vllm, await client.post("/reset_prefix_cache"), "start the server with VLLM_SERVER_DEV_MODE=1"),
    flushesAll: tiers.length === 0,
    counters: capability(vllm, metrics, "do not start the server with --disable-log-stats"),
    options: OPTIONS.filter((option) => {
      if (NOT_ASKED.includes(option)) return false;
      if (option === "priority") return argumentOf(args, "--scheduling-policy") === "priority";
      return option !== "adapter" || adapters;
    }),
  };
}

function flush(client: EngineClient): Promise<string> {
  return flushWhenIdle({
    ask: () => client.post("/reset_prefix_cache"),
    said: ({ status, text }) => {
      if (status !== 200) return null;
      const said = parseReply(reset, text);
      if (said === null) return "the prefix cache was asked to reset";
      return said.success ? "the prefix cache was reset" : "held";
    },
    readError: vllm.readError,
    advice: "Start the server with VLLM_SERVER_DEV_MODE=1",
  });
}
