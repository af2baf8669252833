/** Reads the tracer's matrices back out of a GGUF file, so that tests compute with the bytes that an engine loads. */

import type { Matrix } from "../matrix.ts";
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
export function weightsOfGguf({ metadata, tensors }: GgufContents): TracerWeights {
  const matrix = (name: string): Matrix => {
    const found = tensors.get(name);
    if (!found) throw new Error(`no tensor ${name}`);
    return found;
  };
  const experts = (metadata.get("llama.expert_count") as number | undefined) ?? null;
  const feedForward = (layer: number, part: string, expert: number): Matrix => {
    if (experts === null) return matrix(`blk.${layer}.ffn_${part}.weight`);
    const { rows, columns, data } = matrix(`blk.${layer}.ffn_${part}_exps.weight`);
    const size = (rows / experts) * columns;
    return { rows: rows / experts, columns, data: data.subarray(expert * size, (expert + 1) * size) };
  };
  const layer = (i: number): LayerWeights => ({
    query: matrix(`blk.${i}.attn_q.weight`),
    key: matrix(`blk.${i}.attn_k.weight`),
    value: matrix(`blk.${i}.attn_v.weight`),
    output: matrix(`blk.${i}.attn_output.weight`),
    router: experts === null ? null : matrix(`blk.${i}.ffn_gate_inp.weight`),
    experts: Array.from({ length: experts ?? 1 }, (_, e) => ({
      gate: feedForward(i, "gate", e),
      up: feedForward(i, "up", e),
      down: feedForward(i, "down", e),
    })),
  });
  const count = (key: string): number => metadata.get(`llama.${key}`) as number;
  return {
    shape: tracerShape({
      readLayers: count("block_count") - ASKING_LAYERS,
      kvHeads: count("attention.head_count_kv"),
      queryHeads: count("attention.head_count"),
      headSize: count("attention.key_length") as TracerShape["headSize"],
      drag: count("feed_forward_length") - feedForwardSize(DEFAULT_SHAPE),
      experts,
    }),
    embedding: matrix("token_embd.weight"),
    head: matrix("output.weight"),
    layers: Array.from({ length: count("block_count") }, (_, i) => layer(i)),
  };
}
