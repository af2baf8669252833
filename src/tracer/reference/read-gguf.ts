/** Reads the tracer's matrices back out of a GGUF file, so that tests compute with the bytes that an engine loads. */

import type { RoutedFeedForward } from "../feed-forward.ts";
import type { LatentLayerWeights, LatentWeights } from "../latent.ts";
import { entries, type Matrix, put, zeros } from "../matrix.ts";
import { BYTES_OF, decodeNumbers, type NumberFormat } from "../number-format.ts";
import { ASKING_LAYERS, DEFAULT_SHAPE, feedForwardSize, type TracerShape, tracerShape } from "../shape.ts";
import type { LayerWeights, TracerWeights } from "../weights.ts";

/** Sizes in bytes of metadata values, by type; strings (8) and arrays (9) have their own length. */
const SIZES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

const TENSOR_FORMATS: Readonly<Record<number, NumberFormat>> = { 0: "f32", 1: "f16", 30: "bf16" };

export interface GgufContents {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<string, Matrix>;
}

export function readGguf(file: Uint8Array): GgufContents {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const take = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  const uint32 = () => view.getUint32(take(4), true);
  const uint64 = () => Number(view.getBigUint64(take(8), true));
  const string = () => {
    const length = uint64();
    at += length;
    return new TextDecoder().decode(file.subarray(at - length, at));
  };
  const value = (type: number): unknown => {
    if (type === 8) return string();
    if (type === 9) {
      const item = uint32();
      return Array.from({ length: uint64() }, () => value(item));
    }
    const size = SIZES[type];
    if (size === undefined) throw new Error(`metadata type ${type} at byte ${at}`);
    at += size;
    if (type === 4) return view.getUint32(at - 4, true);
    if (type === 5) return view.getInt32(at - 4, true);
    if (type === 6) return view.getFloat32(at - 4, true);
    return view.getUint8(at - size);
  };
  if (new TextDecoder().decode(file.subarray(0, 4)) !== "GGUF") throw new Error("not a GGUF file");
  at = 8;
  const tensorCount = uint64();
  const metadataCount = uint64();
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < metadataCount; i++) {
    const key = string();
    metadata.set(key, value(uint32()));
  }
  const described = Array.from({ length: tensorCount }, () => {
    const name = string();
    const dimensions = Array.from({ length: uint32() }, uint64);
    const type = uint32();
    const format = TENSOR_FORMATS[type];
    if (format === undefined) throw new Error(`tensor ${name} has type ${type}`);
    // Of three dimensions: the matrices one under another.
    const rows = dimensions.slice(1).reduce((product, size) => product * size, 1);
    return { name, columns: dimensions[0]!, rows, format, offset: uint64() };
  });
  const data = Math.ceil(at / 32) * 32;
  const tensors = new Map(
    described.map(({ name, columns, rows, format, offset }) => {
      const from = data + offset;
      const bytes = file.subarray(from, from + rows * columns * BYTES_OF[format]);
      return [name, { rows, columns, data: decodeNumbers(bytes, format) }];
    }),
  );
  return { metadata, tensors };
}

/** The weights of a tracer GGUF, in its own rotary layout (`neighbours`). */
export function weightsOfGguf({ metadata, tensors }: GgufContents): TracerWeights | LatentWeights {
  const matrix = (name: string): Matrix => {
    const found = tensors.get(`${name}.weight`);
    if (!found) throw new Error(`no tensor ${name}`);
    return found;
  };
  const architecture = metadata.get("general.architecture") as string;
  const optional = (key: string) => metadata.get(`${architecture}.${key}`) as number | undefined;
  const count = (key: string): number => optional(key)!;
  const latent = optional("attention.kv_lora_rank") ?? null;
  const experts = optional("expert_count") ?? null;
  const headSize = count(latent === null ? "attention.key_length" : "attention.value_length_mla");
  const shape = tracerShape({
    readLayers: count("block_count") - ASKING_LAYERS,
    kvHeads: count("attention.head_count_kv"),
    queryHeads: count("attention.head_count"),
    headSize: headSize as TracerShape["headSize"],
    drag: count("feed_forward_length") - feedForwardSize(DEFAULT_SHAPE),
    latent,
    experts,
  });
  const feedForward = (i: number): RoutedFeedForward => {
    const prefix = `blk.${i}.ffn`;
    const parts = (name: string): readonly Matrix[] =>
      experts === null ? [matrix(`${prefix}_${name}`)] : unstacked(matrix(`${prefix}_${name}_exps`), experts);
    const [gates, ups, downs] = [parts("gate"), parts("up"), parts("down")];
    return {
      router: experts === null ? null : matrix(`${prefix}_gate_inp`),
      experts: gates.map((gate, e) => ({ gate, up: ups[e]!, down: downs[e]! })),
    };
  };
  const grouped = (i: number): LayerWeights => ({
    query: matrix(`blk.${i}.attn_q`),
    key: matrix(`blk.${i}.attn_k`),
    value: matrix(`blk.${i}.attn_v`),
    output: matrix(`blk.${i}.attn_output`),
    ...feedForward(i),
  });
  const ofLatent = (i: number): LatentLayerWeights => ({
    // Its first part, where it has a rank, changes nothing.
    query: matrix(`blk.${i}.${tensors.has(`blk.${i}.attn_q.weight`) ? "attn_q" : "attn_q_b"}`),
    compress: matrix(`blk.${i}.attn_kv_a_mqa`),
    norm: matrix(`blk.${i}.attn_kv_a_norm`),
    expand: expansion(shape, matrix(`blk.${i}.attn_k_b`), matrix(`blk.${i}.attn_v_b`)),
    output: matrix(`blk.${i}.attn_output`),
    ...feedForward(i),
  });
  const ends = { shape, embedding: matrix("token_embd"), head: matrix("output") };
  const layers = Array.from({ length: count("block_count") }, (_, i) => i);
  return latent === null ? { ...ends, layers: layers.map(grouped) } : { ...ends, layers: layers.map(ofLatent) };
}

/** A latent's expansion, from what takes queries to the latent and what takes the latent to values. */
function expansion({ queryHeads, headSize }: TracerShape, keys: Matrix, values: Matrix): Matrix {
  const expand = zeros(2 * queryHeads * headSize, values.columns);
  for (const [head, key] of unstacked(keys, queryHeads).entries())
    for (const [row, column, value] of entries(key)) put(expand, 2 * head * headSize + column, row, value);
  for (const [head, ofHead] of unstacked(values, queryHeads).entries())
    for (const [row, column, value] of entries(ofHead)) put(expand, (2 * head + 1) * headSize + row, column, value);
  return expand;
}

/** The matrices of a tensor of three dimensions. */
function unstacked({ rows, columns, data }: Matrix, count: number): readonly Matrix[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    rows: rows / count,
    columns,
    data: data.subarray(i * size, (i + 1) * size),
  }));
}
