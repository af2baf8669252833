/** llama-server's dialect: its native `/completion`, and what its profile asks of it beside. */

import type { ServerResponse } from "node:http";
import { z } from "zod";
import { ADAPTERS, type AdapterName } from "../../src/tracer/adapter.ts";
import {
  type Call,
  EventStream,
  json,
  type LabDialect,
  metrics,
  parseBody,
  Refusal,
  refuseForeignTokens,
  samplingFields,
  samplingOf,
  sentencesOfGrammar,
  spelling,
  tokenIds,
} from "./dialect.ts";
import { embed } from "./embeddings.ts";
import type { Finished, LiveLab, Reply } from "./live-lab.ts";

/**
 * Fields that the lab does not know are ignored, `id_slot` too: rows are given out as they come, and a session's cells are
 * found by its name.
 */
const body = z.object({
  prompt: tokenIds,
  n_predict: z.int().optional(),
  stream: z.boolean().optional(),
  return_tokens: z.boolean().optional(),
  cache_prompt: z.boolean().optional(),
  /** Adapters by number; the scale of one of them is 1, of the others 0. */
  lora: z.array(z.object({ id: z.int(), scale: z.number() })).optional(),
  cache_salt: z.string().min(1).optional(),
  priority: z.int().optional(),
  request_id: z.string().optional(),
  session: z.string().min(1).optional(),
  n_cmpl: z.int().min(1).default(1),
  allowed_token_ids: z.array(z.int()).min(1).optional(),
  grammar: z.string().optional(),
  seed: z.int().optional(),
  logit_bias: z.array(z.tuple([z.int(), z.number()])).optional(),
  ...samplingFields,
});

export const llamaServer: LabDialect = {
  routes: (lab) => {
    const { config } = lab.engine;
    const { blockSize, contextTokens, maxRunning } = config;
    return {
      "POST /completion": (call) => complete(lab, call),
      "POST /completions": (call) => complete(lab, call),
      "POST /v1/embeddings": embed(lab, error),
      "GET /health": ({ response }) => json(response, 200, { status: "ok" }),
      "GET /props": ({ response }) =>
        json(response, 200, {
          default_generation_settings: { n_ctx: contextTokens },
          total_slots: maxRunning,
          build_info: "crosstalk-lab",
          model_path: "tracer (symbolic)",
        }),
      "GET /lora-adapters": ({ response }) =>
        json(
          response,
          200,
          (config.adapters ? ADAPTERS : []).map((name, id) => ({ id, path: `${name}.gguf`, scale: 0 })),
        ),
      "GET /slots": ({ response }) => {
        const { running } = lab.engine.load;
        const slots = Array.from({ length: maxRunning }, (_, id) => id);
        json(
          response,
          200,
          slots.map((id) => ({ id, n_ctx: contextTokens, is_processing: id < running })),
        );
      },
      // The cache belongs to all slots: erasing any erases it. Blocks of running requests stay theirs.
      "POST /slots/:number": ({ number, query, response }) => {
        if (query.get("action") !== "erase") throw new Refusal(400, "Invalid action");
        if (number >= maxRunning) throw new Refusal(400, "Invalid slot ID");
        const { pool, host } = lab.engine.flush();
        json(response, 200, { id_slot: number, n_erased: (pool + host) * blockSize });
      },
      "GET /metrics": ({ response }) => {
        const { counters, load } = lab.engine;
        metrics(response, [
          ["llamacpp:prompt_tokens_total", "counter", counters.promptTokens - counters.promptTokensCached],
          ["llamacpp:prompt_tokens_cached_total", "counter", counters.promptTokensCached],
          ["llamacpp:tokens_predicted_total", "counter", counters.generatedTokens],
          ["llamacpp:requests_processing", "gauge", load.running],
          ["llamacpp:requests_deferred", "gauge", load.waiting],
        ]);
      },
    };
  },
  error,
};

const TYPES: Readonly<Record<number, string>> = { 400: "invalid_request_error", 404: "not_found_error" };

function error(code: number, message: string): unknown {
  return { error: { code, message, type: TYPES[code] } };
}

function complete(lab: LiveLab, { body: text, response }: Call): void {
  const asked = parseBody(body, text);
  const { prompt, n_predict = -1, cache_prompt = true } = asked;
  refuseForeignTokens(prompt, () => "Prompt contains invalid tokens");
  const request = {
    prompt,
    maxTokens: n_predict < 0 ? lab.engine.config.contextTokens - prompt.length : n_predict,
    cache: cache_prompt,
    n: asked.n_cmpl,
    adapter: adapterOf(asked.lora ?? []),
    salt: asked.cache_salt ?? null,
    allowed: asked.allowed_token_ids ?? null,
    grammar: asked.grammar ? sentencesOfGrammar(asked.grammar) : null,
    priority: asked.priority ?? 0,
    requestId: asked.request_id ?? null,
    session: asked.session ?? null,
    sampling: samplingOf(asked, asked.seed, asked.logit_bias),
  };
  lab.submit(request, new CompletionReply(asked, response), response);
}

function adapterOf(lora: readonly { readonly id: number; readonly scale: number }[]): AdapterName | null {
  const [applied, more] = lora.filter(({ scale }) => scale !== 0);
  const adapter = applied === undefined ? null : ADAPTERS[applied.id];
  if (adapter === undefined || more || (applied && applied.scale !== 1))
    throw new Refusal(400, '"lora": the lab applies one of its adapters, with a scale of 1');
  return adapter;
}

class CompletionReply implements Reply {
  readonly #asked: z.infer<typeof body>;
  readonly #response: ServerResponse;
  readonly #stream: EventStream | null;
  /** By choice. */
  readonly #tokens: readonly number[][];

  constructor(asked: z.infer<typeof body>, response: ServerResponse) {
    this.#asked = asked;
    this.#tokens = Array.from({ length: asked.n_cmpl }, () => []);
    this.#response = response;
    this.#stream = asked.stream ? new EventStream(response) : null;
  }

  /** A chunk a token, as llama-server streams them; the slot is told at the end. */
  tokens(ids: readonly number[], index: number): void {
    this.#tokens[index]!.push(...ids);
    for (const id of ids) {
      const chunk = { index, content: spelling([id]), tokens: [id], stop: false, id_slot: -1, ...this.#counts(index) };
      this.#stream?.send(chunk);
    }
  }

  /** Each choice has a last event; without a stream several choices are a list. */
  finish(event: Finished): void {
    const last = this.#tokens.map((_, index) => this.#last(index, event));
    if (this.#stream) {
      for (const one of last) this.#stream.send(one);
      this.#response.end();
    } else json(this.#response, 200, last.length === 1 ? last[0] : last);
  }

  #last(index: number, { cached, place }: Finished): object {
    const { prompt, return_tokens } = this.#asked;
    const tokens = this.#tokens[index]!;
    const predicted = tokens.length;
    const cache = cached ?? 0;
    const stream = this.#stream;
    return {
      index,
      content: stream ? "" : spelling(tokens),
      tokens: !stream && return_tokens ? tokens : [],
      id_slot: Number(/\d+$/.exec(place ?? "")?.[0] ?? -1),
      stop: true,
      model: "tracer",
      ...this.#counts(index),
      truncated: false,
      stop_type: "limit",
      stopping_word: "",
      tokens_cached: prompt.length + predicted - 1,
      timings: { cache_n: cache, prompt_n: prompt.length - cache, predicted_n: predicted },
    };
  }

  refuse(message: string): void {
    json(this.#response, 400, error(400, message));
  }

  #counts(index: number): { readonly tokens_predicted: number; readonly tokens_evaluated: number } {
    return { tokens_predicted: this.#tokens[index]!.length, tokens_evaluated: this.#asked.prompt.length };
  }
}
