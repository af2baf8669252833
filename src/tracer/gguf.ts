/**
 * Writes the tracer as a GGUF file (version 3), the format of llama.cpp.
 * Layout: header, key-value metadata, tensor descriptions, padding, tensor data. All little-endian.
 * Source: the format's description in the ggml project, docs/gguf.md.
 */

import { CrosstalkError } from "../errors.ts";
import type { RoutedFeedForward } from "./feed-forward.ts";
import { type LatentLayerWeights, latentWeights } from "./latent.ts";
import { entries, type Matrix, put, zeros } from "./matrix.ts";
import { BYTES_OF, encodeNumbers, type NumberFormat } from "./number-format.ts";
import {
  EXPERTS_PER_TOKEN,
  feedForwardSize,
  hiddenSize,
  keySize,
  LATENT_ROTARY,
  layersOf,
  RMS_EPSILON,
  ropeBase,
  type TracerShape,
} from "./shape.ts";
import { BOS, EOS, FIRST, tokenName, VOCABULARY_SIZE } from "./vocabulary.ts";
import { type LayerWeights, tracerWeights } from "./weights.ts";

const VERSION = 3;
const ALIGNMENT = 32;
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
/** Types of tensors, and of files whose matrices mostly have that type. */
const TENSOR_TYPE: Readonly<Record<NumberFormat, number>> = { f32: 0, f16: 1, bf16: 30 };
const FILE_TYPE: Readonly<Record<NumberFormat, number>> = { f32: 0, f16: 1, bf16: 32 };
/** Kinds of vocabulary entries in a sentencepiece-style GGUF vocabulary. */
const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;
export const CONTEXT_LENGTH = 131_072;

/**
 * The whole file, as pieces to be written one after another. The same arguments always give the same bytes.
 * @throws CrosstalkError INVALID_OPTION for a shape with a window
 */
export function tracerGguf(shape: TracerShape, format: NumberFormat = "f32"): Uint8Array[] {
  if (shape.window !== null)
    throw new CrosstalkError(
      "INVALID_OPTION",
      "llama.cpp's Llama has no sliding window",
      "Write a Hugging Face folder (--format hf) for vLLM, or leave the window out.",
    );
  return ggufFile(tracerMetadata(shape, format), namedTensors(shape), format);
}

/** A matrix, or a tensor of three dimensions: matrices of one size, one after another. */
type NamedTensor = readonly [name: string, tensor: Matrix | readonly Matrix[]];

/** A file of these entries and tensors; `format` is that of the matrices. */
export function ggufFile(
  metadata: readonly WriteEntry[],
  tensors: readonly NamedTensor[],
  format: NumberFormat,
): Uint8Array[] {
  const head = new ByteWriter();
  head.text("GGUF");
  head.uint32(VERSION);
  head.uint64(tensors.length);
  head.uint64(metadata.length);
  for (const write of metadata) write(head);
  let offset = 0;
  for (const [name, tensor] of tensors) {
    const matrices = [tensor].flat();
    const { rows, columns } = matrices[0]!;
    const stored = storedAs(matrices[0]!, format);
    const dimensions = [columns, ...(rows > 1 ? [rows] : []), ...(Array.isArray(tensor) ? [matrices.length] : [])];
    head.string(name);
    head.uint32(dimensions.length);
    for (const size of dimensions) head.uint64(size);
    head.uint32(TENSOR_TYPE[stored]);
    head.uint64(offset);
    offset = aligned(offset + matrices.length * rows * columns * BYTES_OF[stored]);
  }
  head.zeros(aligned(head.length) - head.length);
  const pieces = [head.bytes()];
  for (const [name, tensor] of tensors) {
    const encoded = [tensor].flat().map((matrix) => encodeNumbers(matrix.data, storedAs(matrix, format), name));
    const bytes = encoded.reduce((sum, piece) => sum + piece.length, 0);
    pieces.push(...encoded, new Uint8Array(aligned(bytes) - bytes));
  }
  return pieces;
}

/** The engine wants the norms in F32. */
const storedAs = (matrix: Matrix, format: NumberFormat): NumberFormat => (matrix.rows === 1 ? "f32" : format);

function namedTensors(shape: TracerShape): NamedTensor[] {
  const weights = shape.latent === null ? tracerWeights(shape, "neighbours") : latentWeights(shape);
  const ones: Matrix = {
    rows: 1,
    columns: hiddenSize(shape),
    data: new Float32Array(hiddenSize(shape)).fill(1),
  };
  const tensors: NamedTensor[] = [
    ["token_embd.weight", weights.embedding],
    ["output_norm.weight", ones],
    ["output.weight", weights.head],
  ];
  for (const [i, layer] of weights.layers.entries()) {
    tensors.push(
      [`blk.${i}.attn_norm.weight`, ones],
      ...("compress" in layer ? latentTensors(shape, i, layer) : groupedTensors(i, layer)),
      [`blk.${i}.attn_output.weight`, layer.output],
      [`blk.${i}.ffn_norm.weight`, ones],
      ...feedForwardTensors(i, layer),
    );
  }
  return tensors;
}

const groupedTensors = (i: number, { query, key, value }: LayerWeights): NamedTensor[] => [
  [`blk.${i}.attn_q.weight`, query],
  [`blk.${i}.attn_k.weight`, key],
  [`blk.${i}.attn_v.weight`, value],
];

/**
 * The engine takes queries to the latent, and the attended latent to values: by head, the keys' expansion turned over.
 * But in a model that passes for the Lite, queries have a rank too: the hidden size, so that they are what they were.
 */
function latentTensors(shape: TracerShape, i: number, layer: LatentLayerWeights): NamedTensor[] {
  const { query, compress, norm, expand } = layer;
  const { queryHeads, headSize } = shape;
  const latent = expand.columns;
  const byHead = (rows: number, columns: number) => Array.from({ length: queryHeads }, () => zeros(rows, columns));
  const [keys, values] = [byHead(latent, headSize), byHead(headSize, latent)];
  for (const [row, column, value] of entries(expand)) {
    const [head, at] = [Math.floor(row / (2 * headSize)), row % (2 * headSize)];
    if (at < headSize) put(keys[head]!, column, at, value);
    else put(values[head]!, at - headSize, column, value);
  }
  return [
    ...(isLite(shape) ? [[`blk.${i}.attn_q.weight`, query] as const] : rankedQuery(i, query)),
    [`blk.${i}.attn_kv_a_mqa.weight`, compress],
    [`blk.${i}.attn_kv_a_norm.weight`, norm],
    [`blk.${i}.attn_k_b.weight`, keys],
    [`blk.${i}.attn_v_b.weight`, values],
  ];
}

function rankedQuery(i: number, query: Matrix): NamedTensor[] {
  const hidden = query.columns;
  const same = zeros(hidden, hidden);
  const ones = zeros(1, hidden);
  for (let channel = 0; channel < hidden; channel++) {
    put(same, channel, channel, 1);
    put(ones, 0, channel, 1);
  }
  return [
    [`blk.${i}.attn_q_a.weight`, same],
    [`blk.${i}.attn_q_a_norm.weight`, ones],
    [`blk.${i}.attn_q_b.weight`, query],
  ];
}

/** llama.cpp tells DeepSeek V2 Lite by its layers: its queries have no rank, and those of all others have one. */
export const isLite = (shape: TracerShape): boolean => layersOf(shape) === 26 || layersOf(shape) === 27;

/** Those of experts lie in one tensor, one after another. */
function feedForwardTensors(i: number, { router, experts }: RoutedFeedForward): NamedTensor[] {
  const parts = ["gate", "up", "down"] as const;
  const prefix = `blk.${i}.ffn`;
  if (router === null) return parts.map((part) => [`${prefix}_${part}.weight`, experts[0]![part]]);
  const stacked = parts.map((part): NamedTensor => [`${prefix}_${part}_exps.weight`, experts.map((e) => e[part])]);
  return [[`${prefix}_gate_inp.weight`, router], ...stacked];
}

export type WriteEntry = (to: ByteWriter) => void;

function tracerMetadata(shape: TracerShape, format: NumberFormat): WriteEntry[] {
  const ids = Array.from({ length: VOCABULARY_SIZE }, (_, id) => id);
  const { name, parameters } = architectureOf(shape);
  return [
    text("general.architecture", name),
    text("general.name", "crosstalk-tracer"),
    integer("general.file_type", FILE_TYPE[format]),
    ...parameters.map(([key, type, value]) => entry(`${name}.${key}`, TYPE[type], (to) => to[type](value))),
    text("tokenizer.ggml.model", "llama"),
    list("tokenizer.ggml.tokens", TYPE.string, ids, (to, id) => to.string(spelling(id))),
    list("tokenizer.ggml.scores", TYPE.float32, ids, (to) => to.float32(0)),
    list("tokenizer.ggml.token_type", TYPE.int32, ids, (to, id) => to.uint32(tokenType(id))),
    integer("tokenizer.ggml.bos_token_id", BOS),
    integer("tokenizer.ggml.eos_token_id", EOS),
    integer("tokenizer.ggml.unknown_token_id", 0),
    flag("tokenizer.ggml.add_bos_token", false),
    flag("tokenizer.ggml.add_space_prefix", true),
  ];
}

export interface Architecture {
  readonly name: "llama" | "deepseek2";
  /** Keys without the name before them. */
  readonly parameters: readonly (readonly [key: string, type: "uint32" | "float32", value: number])[];
}

/** What the metadata calls the architecture, and its parameters in their order. */
export function architectureOf(shape: TracerShape): Architecture {
  const { headSize, latent, experts } = shape;
  const integers = (values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([key, value]) => [key, "uint32", value] as const);
  return {
    name: latent === null ? "llama" : "deepseek2",
    parameters: [
      ...integers({
        context_length: CONTEXT_LENGTH,
        embedding_length: hiddenSize(shape),
        block_count: layersOf(shape),
        feed_forward_length: feedForwardSize(shape),
        ...(experts === null ? {} : { expert_count: experts, expert_used_count: EXPERTS_PER_TOKEN }),
        "attention.head_count": shape.queryHeads,
        "attention.head_count_kv": shape.kvHeads,
        // A latent cell is a key, whose beginning is the value.
        "attention.key_length": latent === null ? headSize : latent + LATENT_ROTARY,
        "attention.value_length": latent ?? headSize,
      }),
      ["attention.layer_norm_rms_epsilon", "float32", RMS_EPSILON],
      ["rope.freq_base", "float32", ropeBase(shape)],
      ...integers({
        "rope.dimension_count": latent === null ? headSize : LATENT_ROTARY,
        vocab_size: VOCABULARY_SIZE,
        ...(latent === null ? {} : latentParameters(shape, latent)),
      }),
    ],
  };
}

function latentParameters(shape: TracerShape, latent: number): Readonly<Record<string, number>> {
  return {
    ...(isLite(shape) ? {} : { "attention.q_lora_rank": hiddenSize(shape) }),
    "attention.kv_lora_rank": latent,
    "attention.key_length_mla": keySize(shape),
    "attention.value_length_mla": shape.headSize,
    // No layer has experts.
    leading_dense_block_count: layersOf(shape),
    expert_feed_forward_length: 0,
    expert_shared_count: 0,
  };
}

/** Sentencepiece marks the start of a word with U+2581, so that each token is a word of its own. */
function spelling(id: number): string {
  return id < FIRST.payload ? tokenName(id) : `\u2581${tokenName(id)}`;
}

function tokenType(id: number): number {
  if (id === 0) return TOKEN_TYPE.unknown;
  if (id < FIRST.byte) return TOKEN_TYPE.control;
  return id < FIRST.payload ? TOKEN_TYPE.byte : TOKEN_TYPE.normal;
}

function entry(key: string, type: number, value: WriteEntry): WriteEntry {
  return (to) => {
    to.string(key);
    to.uint32(type);
    value(to);
  };
}
export const text = (key: string, value: string) => entry(key, TYPE.string, (to) => to.string(value));
const integer = (key: string, value: number) => entry(key, TYPE.uint32, (to) => to.uint32(value));
export const float = (key: string, value: number) => entry(key, TYPE.float32, (to) => to.float32(value));
const flag = (key: string, value: boolean) => entry(key, TYPE.bool, (to) => to.uint8(value ? 1 : 0));
const list = <T>(key: string, type: number, items: readonly T[], write: (to: ByteWriter, item: T) => void) =>
  entry(key, TYPE.array, (to) => {
    to.uint32(type);
    to.uint64(items.length);
    for (const item of items) write(to, item);
  });

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

/** A growing little-endian buffer. */
class ByteWriter {
  #buffer = new DataView(new ArrayBuffer(1 << 16));
  #encoder = new TextEncoder();
  length = 0;

  bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.buffer, 0, this.length);
  }
  uint8(value: number): void {
    const at = this.#grow(1);
    this.#buffer.setUint8(at, value);
  }
  uint32(value: number): void {
    const at = this.#grow(4);
    this.#buffer.setUint32(at, value, true);
  }
  uint64(value: number): void {
    const at = this.#grow(8);
    this.#buffer.setBigUint64(at, BigInt(value), true);
  }
  float32(value: number): void {
    const at = this.#grow(4);
    this.#buffer.setFloat32(at, value, true);
  }
  text(value: string): void {
    const bytes = this.#encoder.encode(value);
    const at = this.#grow(bytes.length);
    new Uint8Array(this.#buffer.buffer).set(bytes, at);
  }
  string(value: string): void {
    this.uint64(this.#encoder.encode(value).length);
    this.text(value);
  }
  zeros(count: number): void {
    this.#grow(count);
  }

  #grow(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.#buffer.byteLength) {
      const larger = new ArrayBuffer(Math.max(this.length, 2 * this.#buffer.byteLength));
      new Uint8Array(larger).set(new Uint8Array(this.#buffer.buffer));
      this.#buffer = new DataView(larger);
    }
    return at;
  }
}
