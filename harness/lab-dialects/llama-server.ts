/** One completion in llama-server's dialect: what is asked, and the reply as a stream or in one piece. */

import type { ServerResponse } from "node:http";
import { z } from "zod";
import type { LabEvent } from "../src/lab/engine.ts";
import type { Sampling } from "../src/lab/sampler.ts";
import { ADAPTERS, type AdapterName } from "../src/tracer/adapter.ts";
import { tokenName, VOCABULARY_SIZE } from "../src/tracer/vocabulary.ts";

/** Fields that the lab does not know are ignored, `id_slot` too: rows are given out as they come. */
const body = z.object({
  prompt: z.array(z.int()).min(1),
  n_predict: z.int().optional(),
  stream: z.boolean().optional(),
  return_tokens: z.boolean().optional(),
  cache_prompt: z.boolean().optional(),
  /** Adapters by number; the scale of one of them is 1, of the others 0. */
  lora: z.array(z.object({ id: z.int(), scale: z.number() })).optional(),
  cache_salt: z.string().min(1).optional(),
  priority: z.int().optional(),
  allowed_token_ids: z.array(z.int()).min(1).optional(),
  temperature: z.number().optional(),
  seed: z.int().optional(),
  top_k: z.int().optional(),
  presence_penalty: z.number().optional(),
  frequency_penalty: z.number().optional(),
  logit_bias: z.array(z.tuple([z.int(), z.number()])).optional(),
});

export interface AskedCompletion {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly cache: boolean;
  readonly adapter: AdapterName | null;
  readonly salt: string | null;
  readonly allowed: readonly number[] | null;
  readonly priority: number;
  readonly stream: boolean;
  readonly returnTokens: boolean;
  readonly sampling: Sampling;
}

/** Reads a request's body; says what is wrong with it where the lab cannot serve it. */
export function parseCompletion(text: string, contextTokens: number): AskedCompletion | { readonly refusal: string } {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return { refusal: `the body is not JSON: ${(error as Error).message}` };
  }
  const parsed = body.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return { refusal: `"${issue.path.join(".")}": ${issue.message} (the lab takes prompts as token ids)` };
  }
  const { prompt, n_predict = -1, stream = false, return_tokens = false, cache_prompt = true, lora = [] } = parsed.data;
  if (prompt.some((id) => id < 0 || id >= VOCABULARY_SIZE)) return { refusal: "Prompt contains invalid tokens" };
  const [applied, more] = lora.filter(({ scale }) => scale !== 0);
  const adapter = applied === undefined ? null : ADAPTERS[applied.id];
  if (adapter === undefined || more || (applied && applied.scale !== 1))
    return { refusal: '"lora": the lab applies one of its adapters, with a scale of 1' };
  const maxTokens = n_predict < 0 ? contextTokens - prompt.length : n_predict;
  return {
    prompt,
    maxTokens,
    cache: cache_prompt,
    adapter,
    salt: parsed.data.cache_salt ?? null,
    allowed: parsed.data.allowed_token_ids ?? null,
    priority: parsed.data.priority ?? 0,
    stream,
    returnTokens: return_tokens,
    sampling: samplingIn(parsed.data),
  };
}

/** Greedy where nothing is asked for; a bias against a token bans it. */
function samplingIn(asked: z.infer<typeof body>): Sampling {
  return {
    temperature: asked.temperature ?? 0,
    seed: asked.seed ?? 0,
    topK: asked.top_k ?? 0,
    presence: asked.presence_penalty ?? 0,
    frequency: asked.frequency_penalty ?? 0,
    banned: (asked.logit_bias ?? []).flatMap(([id, bias]) => (bias < 0 ? id : [])),
  };
}

type Finished = Extract<LabEvent, { e: "finished" }>;

export class CompletionReply {
  readonly #asked: AskedCompletion;
  readonly #response: ServerResponse;
  readonly #tokens: number[] = [];

  constructor(asked: AskedCompletion, response: ServerResponse) {
    this.#asked = asked;
    this.#response = response;
  }

  /** A chunk a token, as llama-server streams them; the slot is told at the end. */
  tokens(ids: readonly number[]): void {
    this.#tokens.push(...ids);
    if (!this.#asked.stream) return;
    this.#begin();
    for (const id of ids)
      this.#event({ index: 0, content: spelling([id]), tokens: [id], stop: false, id_slot: -1, ...this.#counts() });
  }

  finish({ cached, place }: Finished): void {
    const { prompt, returnTokens, stream } = this.#asked;
    const predicted = this.#tokens.length;
    const cache = cached ?? 0;
    const last = {
      index: 0,
      content: stream ? "" : spelling(this.#tokens),
      tokens: !stream && returnTokens ? this.#tokens : [],
      id_slot: Number(/\d+$/.exec(place ?? "")?.[0] ?? -1),
      stop: true,
      model: "tracer",
      ...this.#counts(),
      truncated: false,
      stop_type: "limit",
      stopping_word: "",
      tokens_cached: prompt.length + predicted - 1,
      timings: { cache_n: cache, prompt_n: prompt.length - cache, predicted_n: predicted },
    };
    if (stream) {
      this.#begin();
      this.#event(last);
      this.#response.end();
    } else
      this.#response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(last));
  }

  /** The engine refused the request. */
  fail(message: string): void {
    const error = { code: 400, message, type: "invalid_request_error" };
    this.#response.writeHead(400, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify({ error }));
  }

  #begin(): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { "content-type": "text/event-stream" });
  }

  #event(data: unknown): void {
    this.#response.write(`data: ${JSON.stringify(data)}\n\n`);
  }

  #counts(): { readonly tokens_predicted: number; readonly tokens_evaluated: number } {
    return { tokens_predicted: this.#tokens.length, tokens_evaluated: this.#asked.prompt.length };
  }
}

/** Token names apart by blanks, as the tracer's tokenizer writes them. */
const spelling = (ids: readonly number[]): string => ids.map((id) => ` ${tokenName(id)}`).join("");
