/**
 * Writes the tracer as a GGUF file (version 3), the format of llama.cpp.
 * Layout: header, key-value metadata, tensor descriptions, padding, tensor data. All little-endian.
 * Source: the format's description in the ggml project, docs/gguf.md.
 */

import { CrosstalkError } from "../errors.ts";
import { BYTES_OF, encodeNumbers, type NumberFormat } from "./number-format.ts";
import { feedForwardSize, hiddenSize, layersOf, RMS_EPSILON, ROPE_BASE, type TracerShape } from "./shape.ts";
import { BOS, EOS, FIRST, tokenName, VOCABULARY_SIZE } from "./vocabulary.ts";
import { type Matrix, type TracerWeights, tracerWeights } from "./weights.ts";

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
 * @throws CrosstalkError INVALID_OPTION for a shape with a window or a latent
 */
export function tracerGguf(shape: TracerShape, format: NumberFormat = "f32"): Uint8Array[] {
  if (shape.window !== null)
    throw new CrosstalkError(
      "INVALID_OPTION",
      "llama.cpp's Llama has no sliding window",
      "Write a Hugging Face folder (--format hf) for vLLM, or leave the window out.",
    );
  if (shape.latent !== null)
    throw new CrosstalkError(
      "INVALID_OPTION",
      "there is no GGUF file of a tracer with a latent",
      "Write a Hugging Face folder: --format hf.",
    );
  const weights = tracerWeights(shape, "neighbours");
  return ggufFile(tracerMetadata(weights, format), namedTensors(weights), format);
}

/** A file of these entries and tensors; `format` is that of the matrices. */
export function ggufFile(
  metadata: readonly WriteEntry[],
  tensors: readonly (readonly [string, Matrix])[],
  format: NumberFormat,
): Uint8Array[] {
  const head = new ByteWriter();
  head.text("GGUF");
  head.uint32(VERSION);
  head.uint64(tensors.length);
  head.uint64(metadata.length);
  for (const write of metadata) write(head);
  let offset = 0;
  for (const [name, matrix] of tensors) {
    const stored = storedAs(matrix, format);
    head.string(name);
    head.uint32(isVector(matrix) ? 1 : 2);
    head.uint64(matrix.columns);
    if (!isVector(matrix)) head.uint64(matrix.rows);
    head.uint32(TENSOR_TYPE[stored]);
    head.uint64(offset);
    offset = aligned(offset + matrix.data.length * BYTES_OF[stored]);
  }
  head.zeros(aligned(head.length) - head.length);
  const pieces = [head.bytes()];
  for (const [name, matrix] of tensors) {
    const bytes = encodeNumbers(matrix.data, storedAs(matrix, format), name);
    pieces.push(bytes, new Uint8Array(aligned(bytes.length) - bytes.length));
  }
  return pieces;
}

const isVector = (matrix: Matrix): boolean => matrix.rows === 1;

/** The engine wants the norms in F32. */
const storedAs = (matrix: Matrix, format: NumberFormat): NumberFormat => (isVector(matrix) ? "f32" : format);

function namedTensors(weights: TracerWeights): [string, Matrix][] {
  const ones: Matrix = {
    rows: 1,
    columns: hiddenSize(weights.shape),
    data: new Float32Array(hiddenSize(weights.shape)).fill(1),
  };
  const tensors: [string, Matrix][] = [
    ["token_embd.weight", weights.embedding],
    ["output_norm.weight", ones],
    ["output.weight", weights.head],
  ];
  for (const [i, layer] of weights.layers.entries()) {
    tensors.push(
      [`blk.${i}.attn_norm.weight`, ones],
      [`blk.${i}.attn_q.weight`, layer.query],
      [`blk.${i}.attn_k.weight`, layer.key],
      [`blk.${i}.attn_v.weight`, layer.value],
      [`blk.${i}.attn_output.weight`, layer.output],
      [`blk.${i}.ffn_norm.weight`, ones],
      [`blk.${i}.ffn_gate.weight`, layer.gate],
      [`blk.${i}.ffn_up.weight`, layer.up],
      [`blk.${i}.ffn_down.weight`, layer.down],
    );
  }
  return tensors;
}

export type WriteEntry = (to: ByteWriter) => void;

function tracerMetadata({ shape }: TracerWeights, format: NumberFormat): WriteEntry[] {
  const ids = Array.from({ length: VOCABULARY_SIZE }, (_, id) => id);
  return [
    text("general.architecture", "llama"),
    text("general.name", "crosstalk-tracer"),
    integer("general.file_type", FILE_TYPE[format]),
    integer("llama.context_length", CONTEXT_LENGTH),
    integer("llama.embedding_length", hiddenSize(shape)),
    integer("llama.block_count", layersOf(shape)),
    integer("llama.feed_forward_length", feedForwardSize(shape)),
    integer("llama.attention.head_count", shape.queryHeads),
    integer("llama.attention.head_count_kv", shape.kvHeads),
    integer("llama.attention.key_length", shape.headSize),
    integer("llama.attention.value_length", shape.headSize),
    float("llama.attention.layer_norm_rms_epsilon", RMS_EPSILON),
    float("llama.rope.freq_base", ROPE_BASE),
    integer("llama.rope.dimension_count", shape.headSize),
    integer("llama.vocab_size", VOCABULARY_SIZE),
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
