/** The HTTP interfaces that a repro can speak, as far as targets and reports must agree on them. */

import type { RequestOptions } from "../trace/options.ts";
import { ADAPTERS, type AdapterName } from "../tracer/adapter.ts";

/** llama-server's `/completion`, vLLM's `/v1/completions`. */
export type Dialect = "llama-server" | "vllm";

/** Half the temperature doubles the lead of the right token: a seed may change which token is drawn, but never does. */
const TEMPERATURE = 0.5;
/** Nats taken from tokens to avoid: more than any token leads by. */
const AVOIDED = 100;

/** llama-server numbers its adapters in the order of its arguments; those that are not listed get a scale of 0. */
function lora(adapter: AdapterName | "base"): readonly { readonly id: number; readonly scale: number }[] {
  return adapter === "base" ? [{ id: 0, scale: 0 }] : [{ id: ADAPTERS.indexOf(adapter), scale: 1 }];
}

/** Options as fields of a request's body. They come after the fields that every request has, and win over them. */
export function optionFields(dialect: Dialect, options: RequestOptions): Readonly<Record<string, unknown>> {
  const { seed, logprobs, stop, allow, avoid, priority, salt, adapter } = options;
  if (dialect === "llama-server") return adapter === null ? {} : { lora: lora(adapter) };
  return {
    ...(adapter === null || adapter === "base" ? {} : { model: adapter }),
    ...(seed === null ? {} : { seed, temperature: TEMPERATURE }),
    ...(logprobs === null ? {} : { logprobs }),
    ...(stop.length === 0 ? {} : { stop_token_ids: stop }),
    ...(allow === null ? {} : { allowed_token_ids: allow }),
    ...(avoid.length === 0 ? {} : { logit_bias: Object.fromEntries(avoid.map((id) => [id, -AVOIDED])) }),
    ...(priority === null ? {} : { priority }),
    ...(salt === null ? {} : { cache_salt: salt }),
  };
}
