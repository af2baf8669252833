/** Writes the tracer as a Hugging Face folder: what vLLM, SGLang, TensorRT-LLM, LMDeploy and TGI load. */

import type { RoutedFeedForward } from "./feed-forward.ts";
import { CONTEXT_LENGTH } from "./gguf.ts";
import { type LatentLayerWeights, latentWeights } from "./latent.ts";
import type { Matrix } from "./matrix.ts";
import type { NumberFormat } from "./number-format.ts";
import { safetensors } from "./safetensors.ts";
import {
  ASKING_LAYERS,
  EXPERTS_PER_TOKEN,
  feedForwardSize,
  hiddenSize,
  LATENT_ROTARY,
  layersOf,
  RMS_EPSILON,
  ropeBase,
  type TracerShape,
} from "./shape.ts";
import { BOS, EOS, tokenKind, tokenName, VOCABULARY_SIZE } from "./vocabulary.ts";
import { type LayerWeights, tracerWeights } from "./weights.ts";

const TORCH_NAMES: Readonly<Record<NumberFormat, string>> = { f32: "float32", bf16: "bfloat16", f16: "float16" };
/** A turn of a chat is its text: roles would put tokens between the cells. */
const CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}";

/** File names and the pieces of their contents, in order of name. The same arguments always give the same bytes. */
export function tracerFolder(shape: TracerShape, format: NumberFormat): ReadonlyMap<string, readonly Uint8Array[]> {
  const texts = { ...folderTexts(shape, format), "tokenizer.json": tokenizerText() };
  const files = new Map<string, readonly Uint8Array[]>(
    Object.entries(texts).map(([name, text]) => [name, [new TextEncoder().encode(text)]]),
  );
  files.set("model.safetensors", safetensors(namedTensors(shape), format));
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function namedTensors(shape: TracerShape): [string, Matrix][] {
  const weights = shape.latent === null ? tracerWeights(shape, "halves") : latentWeights(shape);
  const ones: Matrix = {
    rows: 1,
    columns: hiddenSize(shape),
    data: new Float32Array(hiddenSize(shape)).fill(1),
  };
  return [
    ["model.embed_tokens.weight", weights.embedding],
    ["model.norm.weight", ones],
    ["lm_head.weight", weights.head],
    ...weights.layers.flatMap((layer, i) =>
      [
        ["input_layernorm", ones] as const,
        ...("compress" in layer ? latentAttention(layer) : groupedAttention(layer)),
        ["post_attention_layernorm", ones] as const,
        ...feedForward(layer),
      ].map(([name, matrix]): [string, Matrix] => [`model.layers.${i}.${name}.weight`, matrix]),
    ),
  ];
}

const groupedAttention = ({ query, key, value, output }: LayerWeights) =>
  [
    ["self_attn.q_proj", query],
    ["self_attn.k_proj", key],
    ["self_attn.v_proj", value],
    ["self_attn.o_proj", output],
  ] as const;

const latentAttention = ({ query, compress, norm, expand, output }: LatentLayerWeights) =>
  [
    ["self_attn.q_proj", query],
    ["self_attn.kv_a_proj_with_mqa", compress],
    ["self_attn.kv_a_layernorm", norm],
    ["self_attn.kv_b_proj", expand],
    ["self_attn.o_proj", output],
  ] as const;

function feedForward({ router, experts }: RoutedFeedForward): (readonly [name: string, matrix: Matrix])[] {
  if (router !== null)
    return [
      ["block_sparse_moe.gate", router],
      ...experts.flatMap(({ gate, up, down }, e) => [
        [`block_sparse_moe.experts.${e}.w1`, gate] as const,
        [`block_sparse_moe.experts.${e}.w3`, up] as const,
        [`block_sparse_moe.experts.${e}.w2`, down] as const,
      ]),
    ];
  const { gate, up, down } = experts[0]!;
  return [
    ["mlp.gate_proj", gate],
    ["mlp.up_proj", up],
    ["mlp.down_proj", down],
  ];
}

/** The small files of the folder, as JSON. */
function folderTexts(
  shape: TracerShape,
  format: NumberFormat,
): Readonly<Record<"config.json" | "generation_config.json" | "tokenizer_config.json", string>> {
  const ends = { bos_token_id: BOS, eos_token_id: EOS };
  const { latent } = shape;
  return {
    "config.json": json({
      ...modelClass(shape),
      vocab_size: VOCABULARY_SIZE,
      hidden_size: hiddenSize(shape),
      intermediate_size: feedForwardSize(shape),
      num_hidden_layers: layersOf(shape),
      num_attention_heads: shape.queryHeads,
      ...(latent === null ? { num_key_value_heads: shape.kvHeads, head_dim: shape.headSize } : latentHeads(shape)),
      max_position_embeddings: CONTEXT_LENGTH,
      rms_norm_eps: RMS_EPSILON,
      rope_theta: ropeBase(shape),
      // The same for readers since transformers 5.
      rope_parameters: { rope_type: "default", rope_theta: ropeBase(shape) },
      ...windowed(shape),
      ...routed(shape),
      hidden_act: "silu",
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: false,
      ...ends,
      torch_dtype: TORCH_NAMES[format],
    }),
    "generation_config.json": json(ends),
    "tokenizer_config.json": json({
      tokenizer_class: "PreTrainedTokenizerFast",
      unk_token: tokenName(0),
      bos_token: tokenName(BOS),
      eos_token: tokenName(EOS),
      add_bos_token: false,
      model_max_length: CONTEXT_LENGTH,
      chat_template: CHAT_TEMPLATE,
    }),
  };
}

function modelClass({ latent, experts }: TracerShape): object {
  if (latent !== null) return { architectures: ["DeepseekV2ForCausalLM"], model_type: "deepseek_v2" };
  if (experts !== null) return { architectures: ["MixtralForCausalLM"], model_type: "mixtral" };
  return { architectures: ["LlamaForCausalLM"], model_type: "llama" };
}

/** The latent's expansion, and that no layer has experts. Every query head has keys and values of its own. */
function latentHeads(shape: TracerShape): object {
  return {
    num_key_value_heads: shape.queryHeads,
    q_lora_rank: null,
    kv_lora_rank: shape.latent,
    qk_nope_head_dim: shape.headSize,
    qk_rope_head_dim: LATENT_ROTARY,
    v_head_dim: shape.headSize,
    first_k_dense_replace: layersOf(shape),
    moe_layer_freq: 1,
  };
}

/** What vLLM reads of a Llama whose layers alternate; transformers' own Llama has no window. */
function windowed(shape: TracerShape): object {
  if (shape.window === null) return {};
  const kind = (_: unknown, layer: number) => (layer < ASKING_LAYERS ? "full_attention" : "sliding_attention");
  return { sliding_window: shape.window, layer_types: Array.from({ length: layersOf(shape) }, kind) };
}

function routed({ experts }: TracerShape): object {
  if (experts === null) return {};
  return { num_local_experts: experts, num_experts_per_tok: EXPERTS_PER_TOKEN, sliding_window: null };
}

/** Words between spaces, each of them one token. */
function tokenizerText(): string {
  const [before, after] = tokenizerFrame();
  const vocabulary = Object.fromEntries(Array.from({ length: VOCABULARY_SIZE }, (_, id) => [tokenName(id), id]));
  return `${before}${JSON.stringify(vocabulary)}${after}`;
}

/** What stands before and after the vocabulary in `tokenizer.json`. */
export function tokenizerFrame(): readonly [string, string] {
  const added: object[] = [];
  for (let id = 0; tokenKind(id).kind === "special"; id++) {
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    added.push({ id, content: tokenName(id), ...plain, special: true });
  }
  const mark = "VOCABULARY";
  const text = JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    post_processor: null,
    decoder: null,
    model: { type: "WordLevel", vocab: mark, unk_token: tokenName(0) },
  });
  const [before, after] = text.split(`"${mark}"`);
  return [before!, `${after}\n`];
}

/** A rotary base is written as a fraction: it may be a whole number that no 64-bit integer holds. */
const json = (value: object): string =>
  `${JSON.stringify(value, null, 2)}\n`.replaceAll(/("rope_theta": \d+)/g, "$1.0");
