/**
 * vLLM's dialect: `/v1/completions` of its OpenAI server, and its development mode's `/reset_prefix_cache`.
 * Source: vllm/entrypoints and vllm/v1/metrics of version 0.32.0.
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
  sentencesOf,
  spelling,
  tokenIds,
} from "./dialect.ts";
import { embed } from "./embeddings.ts";
import type { Finished, LiveLab, Reply } from "./live-lab.ts";

/** What the lab cannot do is refused where it would change an answer, and ignored elsewhere. */
const body = z.object({
  /** The served model, or one of its adapters. */
  model: z.string().default(MODEL),
  prompt: tokenIds,
  max_tokens: z.int().default(16),
  stream: z.boolean().optional(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  return_token_ids: z.boolean().nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
  return_tokens_as_token_ids: z.boolean().nullish(),
  allowed_token_ids: z.array(z.int()).min(1).nullish(),
  priority: z.int().default(0),
  cache_salt: z.string().min(1).max(128).nullish(),
  structured_outputs: z.strictObject({ choice: z.array(z.string().min(1)).min(1) }).nullish(),
  seed: z.int().nullish(),
  request_id: z.string().default(randomUUID),
  ...openAiFields,
  n: z.int().min(1).default(1),
});
type Asked = z.infer<typeof body>;

/** What is counted where no engine is asked. */
interface Served {
  /** Completions that were answered with status 200; what their clients then did is not in it. */
  answered: number;
  finished: number;
}

export const vllm: LabDialect = {
  routes: (lab) => {
    const { adapters, contextTokens } = lab.engine.config;
    const served: Served = { answered: 0, finished: 0 };
    const card = (id: string, parent: string | null) => ({
      id,
      object: "model",
      created: now(),
      owned_by: "vllm",
      root: id,
      parent,
      max_model_len: contextTokens,
    });
    return {
      "POST /v1/completions": (call) => complete(lab, served, call),
      "POST /v1/embeddings": embed(lab, error),
      "GET /health": ({ response }) => response.writeHead(200).end(),
      "GET /version": ({ response }) => json(response, 200, { version: "crosstalk-lab" }),
      "GET /v1/models": ({ response }) => json(response, 200, modelList(adapters, card)),
      // As in vLLM: not while anybody holds a block.
      "POST /reset_prefix_cache": ({ response }) => {
        const success = lab.engine.blocks.held === 0;
        if (success) lab.engine.flush();
        json(response, 200, { success });
      },
      "GET /metrics": ({ response }) => metrics(response, seriesOf(lab, served)),
    };
  },
  error,
};

function seriesOf({ engine }: LiveLab, { answered, finished }: Served): Parameters<typeof metrics>[1] {
  const { blocks, config, counters, load } = engine;
  const labels = `engine="0",model_name="${MODEL}"`;
  // vLLM counts its null block among the blocks.
  const cache = `block_size="${config.blockSize}",engine="0",num_gpu_blocks="${config.poolBlocks + 1}"`;
  return [
    [`vllm:cache_config_info{${cache}}`, "gauge", 1],
    [`vllm:num_requests_running{${labels}}`, "gauge", load.running],
    [`vllm:num_requests_waiting{${labels}}`, "gauge", load.waiting],
    [`vllm:kv_cache_usage_perc{${labels}}`, "gauge", blocks.held / blocks.count],
    [`vllm:num_preemptions_total{${labels}}`, "counter", counters.preemptions],
    [`vllm:prefix_cache_queries_total{${labels}}`, "counter", counters.promptTokens],
    [`vllm:prefix_cache_hits_total{${labels}}`, "counter", counters.promptTokensCached],
    [`vllm:prompt_tokens_total{${labels}}`, "counter", counters.promptTokens],
    [`vllm:prompt_tokens_cached_total{${labels}}`, "counter", counters.promptTokensCached],
    [`vllm:generation_tokens_total{${labels}}`, "counter", counters.generatedTokens],
    [`vllm:request_success_total{${labels},finished_reason="length"}`, "counter", finished],
    ['http_requests_total{handler="/v1/completions",method="POST",status="2xx"}', "counter", answered],
  ];
}

const TYPES: Readonly<Record<number, string>> = { 400: "BadRequestError", 404: "NotFoundError" };

function error(code: number, message: string): unknown {
  return { error: { message, type: TYPES[code], param: null, code } };
}

function complete(lab: LiveLab, served: Served, { body: text, response }: Call): void {
  const asked = parseBody(body, text);
  const { n, prompt } = asked;
  if (n > 1 && asked.temperature === 0) throw new Refusal(400, `n must be 1 when using greedy sampling, got ${n}.`);
  refuseForeignTokens(prompt, (id) => `Token id ${id} is out of vocabulary`);
  const request = {
    prompt,
    maxTokens: asked.max_tokens,
    cache: true,
    n,
    adapter: adapterOf(asked.model),
    salt: asked.cache_salt ?? null,
    allowed: asked.allowed_token_ids ?? null,
    grammar: asked.structured_outputs ? sentencesOf(asked.structured_outputs.choice) : null,
    priority: asked.priority,
    requestId: `cmpl-${asked.request_id}`,
    sampling: openAiSampling(asked, asked.seed ?? undefined),
  };
  const reply = new CompletionReply(asked, served, response);
  lab.submit(request, reply, response);
  reply.begin();
}

/** The lab has all adapters, whether campaigns are to use them or not. */
function adapterOf(model: string): AdapterName | null {
  const adapter = ADAPTERS.find((name) => name === model) ?? null;
  if (adapter === null && model !== MODEL) throw new Refusal(404, `The model \`${model}\` does not exist.`);
  return adapter;
}

class CompletionReply implements Reply {
  readonly #asked: Asked;
  readonly #served: Served;
  readonly #response: ServerResponse;
  readonly #stream: EventStream | null;
  /** By choice. */
  readonly #tokens: readonly number[][];
  #refused = false;

  constructor(asked: Asked, served: Served, response: ServerResponse) {
    this.#asked = asked;
    this.#tokens = Array.from({ length: asked.n }, () => []);
    this.#served = served;
    this.#response = response;
    this.#stream = asked.stream ? new EventStream(response) : null;
  }

  /** The engine has taken the request in, or refused it: a stream's head goes out before its first token. */
  begin(): void {
    if (this.#refused) return;
    this.#served.answered++;
    this.#stream?.open();
  }

  /** The reason comes with a choice's last token. */
  tokens(ids: readonly number[], choice: number): void {
    const tokens = this.#tokens[choice]!;
    tokens.push(...ids);
    if (!this.#stream) return;
    const ended = tokens.length === this.#asked.max_tokens;
    this.#stream.send({ ...this.#head(), choices: [this.#choice(choice, ids, ended ? "length" : null)] });
  }

  finish({ cached }: Finished): void {
    this.#served.finished++;
    const completed = this.#tokens.reduce((sum, { length }) => sum + length, 0);
    const usage = {
      prompt_tokens: this.#asked.prompt.length,
      total_tokens: this.#asked.prompt.length + completed,
      completion_tokens: completed,
      prompt_tokens_details: { cached_tokens: cached ?? 0 },
    };
    const stream = this.#stream;
    if (!stream) {
      const choices = this.#tokens.map((ids, choice) => this.#choice(choice, ids, "length"));
      json(this.#response, 200, { ...this.#head(), choices, usage });
      return;
    }
    // Where a planted fault has lost the last tokens, the reason comes without any.
    for (const [choice, { length }] of this.#tokens.entries())
      if (length < this.#asked.max_tokens)
        stream.send({ ...this.#head(), choices: [this.#choice(choice, [], "length")] });
    if (this.#asked.stream_options?.include_usage) stream.send({ ...this.#head(), choices: [], usage });
    stream.done();
  }

  refuse(message: string): void {
    this.#refused = true;
    json(this.#response, 400, error(400, message));
  }

  #head(): object {
    return {
      id: `cmpl-${this.#asked.request_id}`,
      object: "text_completion",
      created: now(),
      model: this.#asked.model,
    };
  }

  #choice(index: number, ids: readonly number[], finish_reason: "length" | null): object {
    const own = this.#asked.return_token_ids ? { token_ids: ids } : {};
    const logprobs = this.#logprobs(ids);
    return { index, text: spelling(ids), logprobs, finish_reason, stop_reason: null, ...own };
  }

  #logprobs(ids: readonly number[]): object | null {
    const { logprobs, return_tokens_as_token_ids } = this.#asked;
    if (logprobs == null) return null;
    const name = (id: number) => (return_tokens_as_token_ids ? `token_id:${id}` : spelling([id]));
    return {
      tokens: ids.map(name),
      token_logprobs: ids.map(() => 0),
      top_logprobs: ids.map((id) => ({ [name(id)]: 0, ...(logprobs > 0 ? { [name(id === 0 ? 1 : 0)]: -LEAD } : {}) })),
    };
  }
}

/** The lab computes tokens, and no logits: any token leads by so many nats. */
const LEAD = 30;

/** Seconds since 1970, as `created` has them. */
const now = (): number => Math.floor(Date.now() / 1000);
