/** Writes the tracer as a Hugging Face folder: what vLLM, SGLang, TensorRT-LLM, LMDeploy and TGI load. */

import type { RoutedFeedForward } from "./feed-forward.ts";
import { CONTEXT_LENGTH } from "./gguf.ts";
import type { Matrix } from "./matrix.ts";
import type { NumberFormat } from "./number-format.ts";
import { safetensors } from "./safetensors.ts";
import {
  ASKING_LAYERS,
  EXPERTS_PER_TOKEN,
  feedForwardSize,
  hiddenSize,
  layersOf,
  RMS_EPSILON,
  ROPE_BASE,
  type TracerShape,
} from "./shape.ts";
import { BOS, EOS, tokenKind, tokenName, VOCABULARY_SIZE } from "./vocabulary.ts";
import { type TracerWeights, tracerWeights } from "./weights.ts";

const TORCH_NAMES: Readonly<Record<NumberFormat, string>> = { f32: "float32", bf16: "bfloat16", f16: "float16" };
/** A turn of a chat is its text: roles would put tokens between the cells. */
const CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}";

/** File names and the pieces of their contents, in order of name. The same arguments always give the same bytes. */
export function tracerFolder(shape: TracerShape, format: NumberFormat): ReadonlyMap<string, readonly Uint8Array[]> {
  const weights = tracerWeights(shape, "halves");
  const texts = { ...folderTexts(shape, format), "tokenizer.json": tokenizerText() };
  const files = new Map<string, readonly Uint8Array[]>(
    Object.entries(texts).map(([name, text]) => [name, [new TextEncoder().encode(text)]]),
  );
  files.set("model.safetensors", safetensors(namedTensors(weights), format));
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function namedTensors(weights: TracerWeights): [string, Matrix][] {
  const ones: Matrix = {
    rows: 1,
    columns: hiddenSize(weights.shape),
    data: new Float32Array(hiddenSize(weights.shape)).fill(1),
  };
  return [
    ["model.embed_tokens.weight", weights.embedding],
    ["model.norm.weight", ones],
    ["lm_head.weight", weights.head],
    ...weights.layers.flatMap((layer, i): [string, Matrix][] => [
      [`model.layers.${i}.input_layernorm.weight`, ones],
      [`model.layers.${i}.self_attn.q_proj.weight`, layer.query],
      [`model.layers.${i}.self_attn.k_proj.weight`, layer.key],
      [`model.layers.${i}.self_attn.v_proj.weight`, layer.value],
      [`model.layers.${i}.self_attn.o_proj.weight`, layer.output],
      [`model.layers.${i}.post_attention_layernorm.weight`, ones],
      ...feedForwardTensors(layer, `model.layers.${i}`),
    ]),
  ];
}

function feedForwardTensors({ router, experts }: RoutedFeedForward, layer: string): [string, Matrix][] {
  if (router !== null)
    return [
      [`${layer}.block_sparse_moe.gate.weight`, router],
      ...experts.flatMap(({ gate, up, down }, e): [string, Matrix][] => [
        [`${layer}.block_sparse_moe.experts.${e}.w1.weight`, gate],
        [`${layer}.block_sparse_moe.experts.${e}.w3.weight`, up],
        [`${layer}.block_sparse_moe.experts.${e}.w2.weight`, down],
      ]),
    ];
  const { gate, up, down } = experts[0]!;
  return [
    [`${layer}.mlp.gate_proj.weight`, gate],
    [`${layer}.mlp.up_proj.weight`, up],
    [`${layer}.mlp.down_proj.weight`, down],
  ];
}

/** The small files of the folder, as JSON. */
function folderTexts(
  shape: TracerShape,
  format: NumberFormat,
): Readonly<Record<"config.json" | "generation_config.json" | "tokenizer_config.json", string>> {
  const ends = { bos_token_id: BOS, eos_token_id: EOS };
  return {
    "config.json": json({
      architectures: [shape.experts === null ? "LlamaForCausalLM" : "MixtralForCausalLM"],
      model_type: shape.experts === null ? "llama" : "mixtral",
      vocab_size: VOCABULARY_SIZE,
      hidden_size: hiddenSize(shape),
      intermediate_size: feedForwardSize(shape),
      num_hidden_layers: layersOf(shape),
      num_attention_heads: shape.queryHeads,
      num_key_value_heads: shape.kvHeads,
      head_dim: shape.headSize,
      max_position_embeddings: CONTEXT_LENGTH,
      rms_norm_eps: RMS_EPSILON,
      rope_theta: ROPE_BASE,
      // The same for readers since transformers 5.
      rope_parameters: { rope_type: "default", rope_theta: ROPE_BASE },
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

/** Whole numbers that no 64-bit integer holds are written as fractions, so that readers take them for such. */
const json = (value: object): string =>
  `${JSON.stringify(value, null, 2)}\n`.replaceAll(`${ROPE_BASE}`, `${ROPE_BASE}.0`);
