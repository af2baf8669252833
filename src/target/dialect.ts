/** The HTTP interfaces that a repro can speak, as far as targets and reports must agree on them. */

import { isSampled, type RequestOptions } from "../trace/options.ts";
import { MAX_ANSWER } from "../trace/schema.ts";
import { ADAPTERS, type AdapterName } from "../tracer/adapter.ts";
import { DIALECT_NAMES, type Dialect } from "./dialect-names.ts";

export { DIALECT_NAMES, type Dialect };

/** Half the temperature doubles the lead of the right token: a seed may change which token is drawn, but never does. */
export const TEMPERATURE = 0.5;
/** Nats taken from tokens to avoid: more than any token leads by. */
const AVOIDED = 100;

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
  };
}

/**
 * llama-server counts tokens in a window, the prompt's too: prompts of dice with penalties have no rungs. Salts,
 * allowed tokens, priorities and choices are the lab's, which speaks this dialect.
 */
function llamaServerFields(options: RequestOptions): Readonly<Record<string, unknown>> {
  const { seed, top, allow, priority, salt, adapter, presence, frequency, n } = options;
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
    ...(penalised ? { repeat_last_n: MAX_ANSWER } : {}),
    ...(presence === null ? {} : { presence_penalty: presence }),
    ...(frequency === null ? {} : { frequency_penalty: frequency }),
  };
}

/**
 * Those of sampling are in an object of their own, which is merged with that of every request. SGLang has no list of
 * allowed tokens, and where the end token is ignored, as here, it ignores stop tokens too.
 */
function sglangFields(options: RequestOptions): Readonly<Record<string, unknown>> {
  const { seed, top, logprobs, priority, salt, adapter, presence, frequency } = options;
  const against = biased(options);
  const sampling = {
    ...(seed === null ? {} : { sampling_seed: seed, temperature: TEMPERATURE }),
    ...(top === null ? {} : { top_k: top }),
    ...(against.length === 0 ? {} : { logit_bias: Object.fromEntries(against) }),
    ...(presence === null ? {} : { presence_penalty: presence }),
    ...(frequency === null ? {} : { frequency_penalty: frequency }),
  };
  return {
    ...(adapter === null || adapter === "base" ? {} : { lora_path: adapter }),
    ...(logprobs === null ? {} : { return_logprob: true, top_logprobs_num: logprobs }),
    ...(priority === null ? {} : { priority }),
    ...(salt === null ? {} : { cache_salt: salt }),
    ...(Object.keys(sampling).length === 0 ? {} : { sampling_params: sampling }),
  };
}

/** Ids and what their logits get. */
function biased({ avoid, banned }: RequestOptions): [number, number][] {
  return [...new Set([...avoid, ...banned])].map((id) => [id, -AVOIDED]);
}
