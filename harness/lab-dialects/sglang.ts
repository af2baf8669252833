/**
 * SGLang's dialect: its native `/generate`, whose streams repeat all tokens in each event.
 * Source: sglang/srt (http_server, tokenizer_manager, metrics collector) as of September 2026.
 */

import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { z } from "zod";
import { ADAPTERS, type AdapterName } from "../../src/tracer/adapter.ts";
import {
  type Call,
  EventStream,
  json,
  type LabDialect,
  MODEL,
  metrics,
  modelList,
  openAiFields,
  openAiSampling,
  parseBody,
  Refusal,
  refuseForeignTokens,
  saltOf,
  sentencesOfGrammar,
  spelling,
  text,
  tokenIds,
} from "./dialect.ts";
import { embed } from "./embeddings.ts";
import type { Finished, LiveLab, Reply } from "./live-lab.ts";

/** What the lab cannot do is refused where it would change an answer, and ignored elsewhere: log-probabilities too. */
const body = z.object({
  input_ids: tokenIds,
  rid: z.string().optional(),
  stream: z.boolean().optional(),
  lora_path: z.string().nullish(),
  /** As with `--enable-priority-scheduling --schedule-low-priority-values-first`. */
  priority: z.int().nullish(),
  extra_key: z.string().nullish(),
  cache_salt: z.string().nullish(),
  /** As with `--enable-session-radix-cache`: it needs no `/open_session`. */
  session_id: z.string().min(1).nullish(),
  sampling_params: z
    .object({
      max_new_tokens: z.int().default(128),
      sampling_seed: z.int().nullish(),
      ebnf: z.string().nullish(),
      ...openAiFields,
    })
    .prefault({}),
});
type Asked = z.infer<typeof body>;

const closed = z.object({ session_id: z.string() });
const aborted = z.object({ rid: z.string().default(""), abort_all: z.boolean().default(false) });

/** Requests under way by their `rid`, and what became of the others. */
interface Served {
  readonly open: Map<string, { readonly id: string; readonly reply: GenerateReply }>;
  finished: number;
  aborted: number;
}

export const sglang: LabDialect = {
  routes: (lab) => {
    const { adapters, blockSize, contextTokens, maxRunning, poolBlocks } = lab.engine.config;
    const served: Served = { open: new Map(), finished: 0, aborted: 0 };
    const modelInfo = ({ response }: Call) =>
      json(response, 200, { model_path: MODEL, tokenizer_path: MODEL, is_generation: true, weight_version: "default" });
    const serverInfo = ({ response }: Call) =>
      json(response, 200, {
        model_path: MODEL,
        served_model_name: MODEL,
        context_length: contextTokens,
        page_size: blockSize,
        max_running_requests: maxRunning,
        enable_priority_scheduling: true,
        schedule_low_priority_values_first: true,
        enable_session_radix_cache: lab.engine.config.topology === "single",
        hicache_storage_backend: null,
        max_total_num_tokens: poolBlocks * blockSize,
        max_req_input_len: contextTokens - 1,
        internal_states: [],
        version: "crosstalk-lab",
      });
    // As in SGLang: not while a request runs. A cancelled one runs until its step ends.
    const flush = ({ response }: Call) => {
      const { held, inSessions } = lab.engine.blocks;
      const idle = held === inSessions;
      if (idle) lab.engine.flush();
      text(response, idle ? 200 : 400, idle ? "Cache flushed.\n" : "Not flushed: requests are running or waiting.\n");
    };
    const card = (id: string, parent: string | null) => ({
      id,
      object: "model",
      owned_by: "sglang",
      root: id,
      parent,
      max_model_len: parent === null ? contextTokens : null,
    });
    return {
      "POST /generate": (call) => generate(lab, served, call),
      "PUT /generate": (call) => generate(lab, served, call),
      "POST /close_session": ({ body, response }) => {
        lab.engine.closeSession(parseBody(closed, body).session_id);
        response.writeHead(200).end();
      },
      "POST /v1/embeddings": embed(lab, error),
      "POST /abort_request": (call) => abort(lab, served, call),
      "GET /flush_cache": flush,
      "POST /flush_cache": flush,
      "GET /health": ({ response }) => response.writeHead(200).end(),
      "GET /model_info": modelInfo,
      "GET /get_model_info": modelInfo,
      "GET /server_info": serverInfo,
      "GET /get_server_info": serverInfo,
      "GET /v1/models": ({ response }) => json(response, 200, modelList(adapters, card)),
      "GET /metrics": ({ response }) => metrics(response, seriesOf(lab, served)),
    };
  },
  error,
};

function error(_: number, message: string): unknown {
  return { error: { message } };
}

function seriesOf({ engine }: LiveLab, served: Served): Parameters<typeof metrics>[1] {
  const { blocks, config, counters, load } = engine;
  const labels = `{model_name="${MODEL}"}`;
  const { promptTokens, promptTokensCached } = counters;
  return [
    [`sglang:num_running_reqs${labels}`, "gauge", load.running],
    [`sglang:num_queue_reqs${labels}`, "gauge", load.waiting],
    [`sglang:num_used_tokens${labels}`, "gauge", blocks.held * config.blockSize],
    [`sglang:max_total_num_tokens${labels}`, "gauge", blocks.count * config.blockSize],
    [`sglang:page_size${labels}`, "gauge", config.blockSize],
    [`sglang:token_usage${labels}`, "gauge", blocks.held / blocks.count],
    // SGLang's is of the last batch, this one of all requests.
    [`sglang:cache_hit_rate${labels}`, "gauge", promptTokens === 0 ? 0 : promptTokensCached / promptTokens],
    [`sglang:prompt_tokens_total${labels}`, "counter", promptTokens],
    [`sglang:cached_tokens_total{cache_source="total",model_name="${MODEL}"}`, "counter", promptTokensCached],
    [`sglang:generation_tokens_total${labels}`, "counter", counters.generatedTokens],
    [`sglang:num_retracted_requests_total${labels}`, "counter", counters.preemptions],
    [`sglang:num_requests_total${labels}`, "counter", served.finished],
    [`sglang:num_aborted_requests_total${labels}`, "counter", served.aborted],
  ];
}

function generate(lab: LiveLab, served: Served, { body: text, response }: Call): void {
  const asked = parseBody(body, text);
  const { input_ids, sampling_params, extra_key, cache_salt } = asked;
  const { rid = randomUUID() } = asked;
  refuseForeignTokens(input_ids, (id) => `The input_ids contain ${id}, which is not in the vocabulary`);
  if (served.open.has(rid)) throw new Refusal(400, `Duplicate request ID detected: ${rid}`);
  const request = {
    prompt: input_ids,
    maxTokens: sampling_params.max_new_tokens,
    cache: true,
    adapter: adapterOf(asked.lora_path ?? null),
    salt: saltOf(extra_key, cache_salt),
    priority: asked.priority ?? 0,
    requestId: rid,
    session: asked.session_id ?? null,
    grammar: sampling_params.ebnf ? sentencesOfGrammar(sampling_params.ebnf) : null,
    sampling: openAiSampling(sampling_params, sampling_params.sampling_seed ?? undefined),
  };
  const reply = new GenerateReply(asked, rid, served, response);
  const id = lab.submit(request, reply, response);
  reply.begin(id);
}

/** The lab has all adapters, whether campaigns are to use them or not. */
function adapterOf(path: string | null): AdapterName | null {
  if (path === null) return null;
  const adapter = ADAPTERS.find((name) => name === path);
  if (adapter === undefined) throw new Refusal(400, `The following requested LoRA adapters are not loaded: ${path}`);
  return adapter;
}

/** As SGLang, takes a `rid` for a prefix of those that it means. */
function abort(lab: LiveLab, { open }: Served, { body, response }: Call): void {
  const { rid, abort_all } = parseBody(aborted, body);
  for (const [name, { id, reply }] of [...open]) {
    if (!abort_all && (rid === "" || !name.startsWith(rid))) continue;
    lab.cancel(id);
    reply.abort();
  }
  response.writeHead(200).end();
}

type FinishReason =
  | { readonly type: "length"; readonly length: number }
  | { readonly type: "abort"; readonly message: string };

class GenerateReply implements Reply {
  readonly #asked: Asked;
  readonly #rid: string;
  readonly #served: Served;
  readonly #response: ServerResponse;
  readonly #stream: EventStream | null;
  readonly #tokens: number[] = [];
  #cached = 0;
  #ended = false;

  constructor(asked: Asked, rid: string, served: Served, response: ServerResponse) {
    this.#asked = asked;
    this.#rid = rid;
    this.#served = served;
    this.#response = response;
    this.#stream = asked.stream ? new EventStream(response) : null;
  }

  /** The engine has taken the request in, or it has ended already: a stream's head goes out before its first token. */
  begin(id: string): void {
    if (this.#ended) return;
    const { open } = this.#served;
    open.set(this.#rid, { id, reply: this });
    // By then another request may have its id.
    this.#response.once("close", () => {
      if (open.get(this.#rid)?.reply !== this) return;
      open.delete(this.#rid);
      this.#served.aborted++;
    });
    this.#stream?.open();
  }

  tokens(ids: readonly number[]): void {
    this.#tokens.push(...ids);
    this.#stream?.send(this.#output(null));
  }

  finish({ cached }: Finished): void {
    this.#served.finished++;
    this.#cached = cached ?? 0;
    this.#end({ type: "length", length: this.#tokens.length });
  }

  abort(): void {
    this.#served.aborted++;
    this.#end({ type: "abort", message: "Abort in progress" });
  }

  /** A stream has begun before anybody looks at its request: an error is an event of it. */
  refuse(message: string): void {
    this.#ended = true;
    if (!this.#stream) {
      json(this.#response, 400, error(400, message));
      return;
    }
    this.#stream.send(error(400, message));
    this.#stream.done();
  }

  #end(reason: FinishReason): void {
    this.#ended = true;
    this.#served.open.delete(this.#rid);
    const output = this.#output(reason);
    if (!this.#stream) {
      json(this.#response, 200, output);
      return;
    }
    this.#stream.send(output);
    this.#stream.done();
  }

  #output(finish_reason: FinishReason | null): object {
    return {
      text: spelling(this.#tokens),
      output_ids: this.#tokens,
      meta_info: {
        id: this.#rid,
        finish_reason,
        prompt_tokens: this.#asked.input_ids.length,
        weight_version: "default",
        completion_tokens: this.#tokens.length,
        cached_tokens: this.#cached,
      },
    };
  }
}
