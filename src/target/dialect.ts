/** The HTTP interfaces that a repro can speak, as far as targets and reports must agree on them. */

import { isSampled, type RequestOptions, type Sentences } from "../trace/options.ts";
import { MAX_ANSWER } from "../trace/schema.ts";
import { ADAPTERS, type AdapterName } from "../tracer/adapter.ts";
import { tokenName } from "../tracer/vocabulary.ts";
import { DIALECT_NAMES, type Dialect } from "./dialect-names.ts";

export { DIALECT_NAMES, type Dialect };

/** Half the temperature doubles the lead of the right token: a seed may change which token is drawn, but never does. */
export const TEMPERATURE = 0.5;
/** Nats taken from tokens to avoid: more than any token leads by. */
const AVOIDED = 100;
/** Slots that sessions are spread over. */
const SLOTS = 16;

/** llama-server numbers its adapters in the order of its arguments; those that are not listed get a scale of 0. */
function lora(adapter: AdapterName | "base"): readonly { readonly id: number; readonly scale: number }[] {
  return adapter === "base" ? [{ id: 0, scale: 0 }] : [{ id: ADAPTERS.indexOf(adapter), scale: 1 }];
}

/** Options as fields of a request's body. They come after the fields that every request has, and win over them. */
export function optionFields(dialect: Dialect, options: RequestOptions): Readonly<Record<string, unknown>> {
  return FIELDS[dialect](options);
}

const FIELDS: Readonly<Record<Dialect, (options: RequestOptions) => Readonly<Record<string, unknown>>>> = {
  "llama-server": llamaServerFields,
  vllm: vllmFields,
  sglang: sglangFields,
};

function vllmFields(options: RequestOptions): Readonly<Record<string, unknown>> {
  const { seed, top, logprobs, stop, allow, priority, salt, adapter, presence, frequency, n } = options;
  const { grammar, requestId } = options;
  const against = biased(options);
  return {
    ...(adapter === null || adapter === "base" ? {} : { model: adapter }),
    ...(seed === null ? {} : { seed }),
    ...(isSampled(options) ? { temperature: TEMPERATURE } : {}),
    ...(n === null ? {} : { n }),
    ...(top === null ? {} : { top_k: top }),
    // Without the second, tokens are told by their texts.
    ...(logprobs === null ? {} : { logprobs, return_tokens_as_token_ids: true }),
    ...(stop.length === 0 ? {} : { stop_token_ids: stop }),
    ...(allow === null ? {} : { allowed_token_ids: allow }),
    ...(against.length === 0 ? {} : { logit_bias: Object.fromEntries(against) }),
    ...(priority === null ? {} : { priority }),
    ...(salt === null ? {} : { cache_salt: salt }),
    ...(presence === null ? {} : { presence_penalty: presence }),
    ...(frequency === null ? {} : { frequency_penalty: frequency }),
    ...(requestId === null ? {} : { request_id: requestId }),
    ...(grammar === null ? {} : { structured_outputs: { choice: texts(grammar) } }),
  };
}

/**
 * llama-server counts tokens in a window, the prompt's too: prompts of dice with penalties have no rungs. Salts,
 * allowed tokens, priorities, choices, and names of requests and sessions are the lab's, which speaks this dialect. To
 * llama-server a session is a slot.
 */
function llamaServerFields(options: RequestOptions): Readonly<Record<string, unknown>> {
  const { seed, top, allow, priority, salt, adapter, presence, frequency, n, grammar, requestId, session } = options;
  const against = biased(options);
  const penalised = presence !== null || frequency !== null;
  return {
    ...(adapter === null ? {} : { lora: lora(adapter) }),
    ...(salt === null ? {} : { cache_salt: salt }),
    ...(allow === null ? {} : { allowed_token_ids: allow }),
    ...(priority === null ? {} : { priority }),
    ...(seed === null ? {} : { seed }),
    ...(isSampled(options) ? { temperature: TEMPERATURE, top_k: top ?? 0 } : {}),
    ...(n === null ? {} : { n_cmpl: n }),
    ...(against.length === 0 ? {} : { logit_bias: against }),
    ...(requestId === null ? {} : { request_id: requestId }),
    ...(session === null ? {} : { session, id_slot: slotOf(session) }),
    ...(penalised ? { repeat_last_n: MAX_ANSWER } : {}),
    ...(presence === null ? {} : { presence_penalty: presence }),
    ...(frequency === null ? {} : { frequency_penalty: frequency }),
    // In the model's GGUF file a blank belongs to each name.
    ...(grammar === null ? {} : { grammar: oneOf(texts(grammar, " ")) }),
  };
}

/** The slot that keeps a session's cells; a server with fewer slots begins again at its first. */
function slotOf(session: string): number {
  return [...session].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % SLOTS;
}

/**
 * Those of sampling are in an object of their own, which is merged with that of every request. SGLang has no list of
 * allowed tokens, and where the end token is ignored, as here, it ignores stop tokens too.
 */
function sglangFields(options: RequestOptions): Readonly<Record<string, unknown>> {
  const { seed, top, logprobs, priority, salt, adapter, presence, frequency, grammar, requestId, session } = options;
  const against = biased(options);
  const sampling = {
    ...(seed === null ? {} : { sampling_seed: seed, temperature: TEMPERATURE }),
    ...(top === null ? {} : { top_k: top }),
    ...(against.length === 0 ? {} : { logit_bias: Object.fromEntries(against) }),
    ...(presence === null ? {} : { presence_penalty: presence }),
    ...(frequency === null ? {} : { frequency_penalty: frequency }),
    ...(grammar === null ? {} : { ebnf: oneOf(texts(grammar)) }),
  };
  return {
    ...(adapter === null || adapter === "base" ? {} : { lora_path: adapter }),
    ...(logprobs === null ? {} : { return_logprob: true, top_logprobs_num: logprobs }),
    ...(priority === null ? {} : { priority }),
    ...(salt === null ? {} : { cache_salt: salt }),
    ...(requestId === null ? {} : { rid: requestId }),
    ...(session === null ? {} : { session_id: session }),
    ...(Object.keys(sampling).length === 0 ? {} : { sampling_params: sampling }),
  };
}

/** A request for an embedding, with what its own engine adds: all have the interface of OpenAI. */
export function embeddingCall(
  prompt: ArrayLike<number>,
  { priority, salt }: Pick<RequestOptions, "priority" | "salt">,
  more: Readonly<Record<string, unknown>>,
): { readonly method: "POST"; readonly path: string; readonly body: Readonly<Record<string, unknown>> } {
  const body = {
    input: Array.from(prompt),
    encoding_format: "float",
    ...(priority === null ? {} : { priority }),
    ...(salt === null ? {} : { cache_salt: salt }),
    ...more,
  };
  return { method: "POST", path: "/v1/embeddings", body };
}

/** Ids and what their logits get. */
function biased({ avoid, banned }: RequestOptions): [number, number][] {
  return [...new Set([...avoid, ...banned])].map((id) => [id, -AVOIDED]);
}

/**
 * Sentences as engines match them: by the spellings of their tokens. Those of a Hugging Face folder are the bare names,
 * which xgrammar takes as they stand, since its `tokenizer.json` has no decoder.
 */
function texts(sentences: Sentences, before = ""): string[] {
  return sentences.map((sentence) => sentence.map((id) => before + tokenName(id)).join(""));
}

/** In GBNF, which xgrammar's EBNF reads too. */
const oneOf = (sentences: readonly string[]): string =>
  `root ::= ${sentences.map((sentence) => JSON.stringify(sentence)).join(" | ")}`;
