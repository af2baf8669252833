/**
 * llama.cpp's `llama-server`, by its native `/completion`: token ids in, token ids out.
 * Source: tools/server/README.md of llama.cpp; what is said about behaviour was seen on build 11669.
 */

import { z } from "zod";
import { CrosstalkError } from "../../src/errors.ts";
import { embeddingCall, optionFields } from "../../src/target/dialect.ts";
import { PENALTIES, type RequestOption } from "../../src/trace/options.ts";
import { ADAPTERS } from "../../src/tracer/adapter.ts";
import { scanToken } from "../../src/tracer/vocabulary.ts";
import type { EngineClient } from "../engine-client.ts";
import type { EngineFacts, EngineProfile, StreamEvent } from "./profile.ts";
import { argumentOf, capability, openAiEmbedding, parseReply } from "./replies.ts";

/** Options that campaigns ask for, beside adapters. */
const ASKED: readonly RequestOption[] = ["seed", "avoid", ...PENALTIES, "session", "embed", "grammar"];

const errorBody = z.object({ error: z.object({ code: z.number(), message: z.string() }) });
const chunk = z.object({
  tokens: z.array(z.int()),
  stop: z.boolean(),
  stop_type: z.string().optional(),
  id_slot: z.int().optional(),
  timings: z.object({ cache_n: z.int().optional() }).optional(),
});
const props = z.object({
  total_slots: z.int(),
  build_info: z.string(),
  default_generation_settings: z.object({ n_ctx: z.int() }),
});
const loaded = z.array(z.object({ id: z.int(), path: z.string(), scale: z.number() }));
const erased = z.object({ n_erased: z.int() });

export const llamaCpp: EngineProfile = {
  name: "llama.cpp",
  title: "llama.cpp (llama-server)",
  modelFormat: "gguf",
  dialect: "llama-server",
  defaultPort: 8080,
  image: {
    name: "crosstalk/llama.cpp:local",
    build: "docker build -t crosstalk/llama.cpp:local docker/llama-cpp",
    modelPath: "/model/tracer.gguf",
    entryPoint: ["llama-server"],
    sharedMemory: null,
  },
  serve: [
    ...["llama-server", "-m", "{model.gguf}", "--host", "{host}", "--port", "{port}"],
    // Small, so that a trace takes a second on one core and prompts of a hundred tokens take several chunks.
    ...["-np", "4", "-c", "2048", "-b", "64", "-ub", "64", "-t", "1"],
    // The RAM copies of old prompts outlive a slot's erasing: without them every run starts afresh after a quick flush.
    ...["--cache-ram", "0"],
    ...["--slot-save-path", "{temporary}", "--metrics", "--no-ui", "--offline"],
  ],
  // A scale of 0 is what requests get that name no adapter; --lora-init-without-apply leaves it at 1.
  adapterArgs: ["--lora-scaled", ADAPTERS.map((a) => `{adapters}/${a}.gguf:0`).join(",")],
  environment: {},
  knobs: [
    { flag: "-c", campaign: "2048", what: "cells of the pool, shared out to the slots" },
    { flag: "-np", campaign: "4", what: "slots: requests that run at once" },
    { flag: "-b, -ub", campaign: "64", what: "tokens of one prefill chunk" },
    { flag: "--kv-unified", campaign: "", what: "one pool for all slots; when it is full every running request fails" },
    { flag: "--cache-ram", campaign: "64", what: "MiB of old prompts kept in RAM and loaded back into slots" },
    { flag: "--cache-reuse", campaign: "16", what: "shortest run of cells that is moved to a new position" },
    { flag: "--embeddings", campaign: "--pooling last", what: "embeddings too, between the completions" },
  ],
  faults: [
    ...["stale-row", "kept-tail", "shared-block", "late-write", "chunk-offset"].map((name) => ({ name, args: [] })),
    // Where a request that names no adapter follows one that does, the engine itself mixes them up
    // (corpus/found/llama-cpp-adapter-left-out): all requests name theirs, so that it is the fault that is found.
    { name: "adapter-late", args: [], adapters: "all" },
    // It sits in the RAM copies of old prompts; with one slot every change of conversation makes and loads one.
    { name: "state-by-size", args: ["--cache-ram", "64", "-np", "1"] },
  ],
  gpu: { need: "optional", image: "ghcr.io/ggml-org/llama.cpp:server-cuda" },
  readyPath: "/health",
  // An open connection holds one of the server's threads until 5 s after its last request, and older builds have few.
  connection: "close",
  abort: "disconnect",
  metrics: {
    path: "/metrics",
    counters: {
      promptTokens: ["llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total"],
      promptTokensCached: ["llamacpp:prompt_tokens_cached_total"],
      generatedTokens: ["llamacpp:tokens_predicted_total"],
      decodeSteps: ["llamacpp:n_decode_total"],
      draftTokens: ["llamacpp:spec_decode_num_draft_tokens_total"],
      draftTokensAccepted: ["llamacpp:spec_decode_num_accepted_tokens_total"],
    },
  },
  request: ({ prompt, maxTokens, cache }, options) => {
    // An embedding always reads the cache: build 11669 does not look at this field there.
    if (options?.embed) return embeddingCall(prompt, options, { cache_prompt: cache });
    return {
      method: "POST",
      path: "/completion",
      body: {
        prompt: Array.from(prompt),
        n_predict: maxTokens,
        stream: true,
        return_tokens: true,
        temperature: 0,
        top_k: 1,
        cache_prompt: cache,
        ignore_eos: true,
        ...(options ? optionFields("llama-server", options) : {}),
      },
    };
  },
  reader: () => readEvent,
  readEmbedding: openAiEmbedding,
  readError: (body) => {
    const error = parseReply(errorBody, body);
    return error ? error.error.message : body.trim().slice(0, 300);
  },
  describe,
  arrange: useSlotsInOrder,
  flush,
};

function readEvent(data: string): StreamEvent {
  if (data === "[DONE]") return { kind: "ignored" };
  const json: unknown = JSON.parse(data);
  const error = errorBody.safeParse(json);
  if (error.success) {
    return { kind: "error", code: `STREAM ${error.data.error.code}`, message: error.data.error.message };
  }
  const { tokens, stop, stop_type, id_slot, timings } = chunk.parse(json);
  if (!stop) return tokens.length === 0 ? { kind: "ignored" } : { kind: "tokens", ids: tokens };
  const reason = stop_type === "limit" ? "length" : stop_type === "eos" || stop_type === "word" ? "stop" : "other";
  const place = id_slot === undefined || id_slot < 0 ? null : `slot ${id_slot}`;
  return { kind: "finish", ids: tokens, reason, cached: timings?.cache_n ?? null, place };
}

async function describe(client: EngineClient, args: readonly string[]): Promise<EngineFacts> {
  const reply = await client.get("/props");
  const found = parseReply(props, reply.text);
  if (!found) {
    throw new CrosstalkError(
      "SERVER_UNREACHABLE",
      `${client.baseUrl}/props answered HTTP ${reply.status} and not what llama-server answers`,
      "Is this a llama-server? Name another engine with --engine, or start one with --cmd.",
    );
  }
  const adapters = hasAdapters(parseReply(loaded, (await client.get("/lora-adapters")).text));
  const contextTokens = found.default_generation_settings.n_ctx;
  // With one pool for all slots each slot reports the whole pool as its context.
  const unified = args.includes("--kv-unified") || args.includes("-kvu");
  return {
    version: found.build_info,
    maxRunning: found.total_slots,
    contextTokens,
    poolCells: unified ? contextTokens : contextTokens * found.total_slots,
    blockSize: 1,
    flush: capability(
      llamaCpp,
      await client.post("/slots/0?action=erase"),
      "start the server with --slot-save-path DIR",
    ),
    // Erasing slots leaves the RAM copies of old prompts, which are on by default.
    flushesAll: argumentOf(args, "--cache-ram", "-cram") === "0",
    counters: capability(llamaCpp, await client.get("/metrics"), "start the server with --metrics"),
    options: [...(adapters ? (["adapter"] as const) : []), ...ASKED],
  };
}

/** Whether the adapters are there in the order by which requests name them. */
function hasAdapters(found: z.infer<typeof loaded> | null): boolean {
  return ADAPTERS.every((adapter, id) =>
    found?.some((one) => one.id === id && one.scale === 0 && one.path.endsWith(`${adapter}.gguf`)),
  );
}

/** Erasing waits for a slot's request to end: the engine puts the task off until then. */
async function flush(client: EngineClient, facts: EngineFacts): Promise<string> {
  const slots = Array.from({ length: facts.maxRunning }, (_, slot) => slot);
  const cells = await Promise.all(
    slots.map(async (slot) => {
      const reply = await client.post(`/slots/${slot}?action=erase`);
      const found = parseReply(erased, reply.text);
      if (found) return found.n_erased;
      throw new CrosstalkError(
        "UNSUPPORTED_BY_TARGET",
        `slot ${slot} was not erased: HTTP ${reply.status}: ${llamaCpp.readError(reply.text)}`,
        "Start the server with --slot-save-path DIR, or leave flush steps out of the trace.",
      );
    }),
  );
  return `erased ${cells.reduce((sum, n) => sum + n, 0)} cells in ${slots.length} slots`;
}

/** A request that matches no slot's cells goes to the slot that was used longest ago: from now on that is slot 0. */
async function useSlotsInOrder(client: EngineClient, facts: EngineFacts): Promise<void> {
  const prompt = [scanToken([])];
  for (let slot = 0; slot < facts.maxRunning; slot++) {
    await client.post("/completion", { prompt, n_predict: 1, cache_prompt: false, id_slot: slot });
  }
}
