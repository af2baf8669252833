/** The shape of a production model, from its Hugging Face config. */

import { z } from "zod";
import { CrosstalkError } from "../errors.ts";
import { ASKING_LAYERS, ROLES, type TracerShape, tracerShape } from "./shape.ts";

const count = z.int().min(1);
const llamaConfig = z.object({
  num_hidden_layers: count,
  num_attention_heads: count,
  /** Left out where each attention head has its own keys and values. */
  num_key_value_heads: count.optional(),
  head_dim: count.nullish(),
  hidden_size: count.optional(),
  /** Of multi-head latent attention: the latent's rank, and the size of the values that heads make of it. */
  kv_lora_rank: count.nullish(),
  v_head_dim: count.optional(),
  /** Experts that a router chooses from, as the families call them: Mixtral and gpt-oss, Qwen, DeepSeek. */
  num_local_experts: count.nullish(),
  num_experts: count.nullish(),
  n_routed_experts: count.nullish(),
});
/** Most query heads with a latent: they divide the stream of every depth. */
const LATENT_QUERY_HEADS = 64;

/**
 * Layers, KV heads and head size of the model, so that a token has as many KV bytes, and a transfer as many pieces.
 * Query heads too, but at least four for each KV head: the tracer needs them. They cost time and no cache.
 * Of experts the number, two of which each token meets. Of DeepSeek V2 and V3 the rank of the latent, no more than 64
 * query heads, and no experts.
 * @param config the object in `config.json` of a Llama-family model, or of one with a latent
 * @throws CrosstalkError INVALID_OPTION, with the field or the shape that does not fit
 */
export function shapeLike(config: unknown): TracerShape {
  const read = llamaConfig.safeParse(config);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new CrosstalkError(
      "INVALID_OPTION",
      `not a Llama-family config: ${issue!.path.join(".") || "(whole)"}: ${issue!.message}`,
      "Give the config.json of a model with num_hidden_layers, num_attention_heads and head_dim or hidden_size.",
    );
  }
  const { num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim, hidden_size } = read.data;
  const { num_local_experts, num_experts, n_routed_experts, kv_lora_rank, v_head_dim } = read.data;
  if (kv_lora_rank)
    return tracerShape({
      readLayers: num_hidden_layers - ASKING_LAYERS,
      queryHeads: Math.min(Math.max(num_attention_heads, ROLES), LATENT_QUERY_HEADS),
      headSize: (v_head_dim ?? 0) as TracerShape["headSize"],
      latent: kv_lora_rank,
    });
  const kvHeads = num_key_value_heads ?? num_attention_heads;
  const headSize = head_dim ?? (hidden_size ?? 0) / num_attention_heads;
  return tracerShape({
    readLayers: num_hidden_layers - ASKING_LAYERS,
    kvHeads,
    queryHeads: Math.max(num_attention_heads, ROLES * kvHeads),
    headSize: headSize as TracerShape["headSize"],
    experts: num_local_experts ?? num_experts ?? n_routed_experts ?? null,
  });
}
