/**
 * A plain forward pass over the written weights: what an engine computes, with nothing clever about it. It holds the
 * symbolic predictor to the truth, in tests and in the bench that measures what each read can see.
 * Shapes follow Hugging Face's Llama: RMS norm, rotary embedding on neighbouring pairs, grouped-query attention.
 */

import type { CellPart } from "../cells.ts";
import { frequency, HEAD_SIZE, HIDDEN_SIZE, RMS_EPSILON } from "../shape.ts";
import { type Matrix, queryHeads, type TracerWeights } from "../weights.ts";

/** Rounds an activation to the precision under test; the identity for exact arithmetic. */
export type Rounding = (value: number) => number;
export const exact: Rounding = (value) => value;

const word = new DataView(new ArrayBuffer(4));
/** Nearest bfloat16, ties to even. */
export const bf16: Rounding = (value) => {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  word.setUint32(0, (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
  return word.getFloat32(0);
};

/** Non-zero entries by row. */
interface SparseMatrix {
  readonly rows: number;
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

function sparse(matrix: Matrix, round: Rounding): SparseMatrix {
  const starts = new Uint32Array(matrix.rows + 1);
  const columns: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < matrix.rows; row++) {
    for (let column = 0; column < matrix.columns; column++) {
      const value = matrix.data[row * matrix.columns + column]!;
      if (value === 0) continue;
      columns.push(column);
      values.push(round(value));
    }
    starts[row + 1] = columns.length;
  }
  return { rows: matrix.rows, starts, columns: Uint32Array.from(columns), values: Float64Array.from(values) };
}

function multiply(m: SparseMatrix, vector: Float64Array, round: Rounding): Float64Array {
  const out = new Float64Array(m.rows);
  for (let row = 0; row < m.rows; row++) {
    let sum = 0;
    for (let i = m.starts[row]!; i < m.starts[row + 1]!; i++) sum += m.values[i]! * vector[m.columns[i]!]!;
    out[row] = round(sum);
  }
  return out;
}

function normalise(x: Float64Array, round: Rounding): Float64Array {
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + RMS_EPSILON);
  return x.map((value) => round(value * scale));
}

/** Turns each neighbouring pair of every head by position times the pair's frequency. */
function rotate(x: Float64Array, position: number, round: Rounding): void {
  for (let at = 0; at < x.length; at += 2) {
    const angle = position * frequency((at % HEAD_SIZE) / 2);
    const [a, b] = [x[at]!, x[at + 1]!];
    x[at] = round(a * Math.cos(angle) - b * Math.sin(angle));
    x[at + 1] = round(a * Math.sin(angle) + b * Math.cos(angle));
  }
}

/** Keys and values as numbers, by layer, KV head and slot. */
export class NumericCells {
  readonly keys: readonly (readonly Float64Array[])[];
  readonly values: readonly (readonly Float64Array[])[];

  constructor(layers: number, kvHeads: number, slots: number) {
    const make = () =>
      Array.from({ length: layers }, () => Array.from({ length: kvHeads }, () => new Float64Array(slots * HEAD_SIZE)));
    this.keys = make();
    this.values = make();
  }

  copy(
    layer: number,
    slot: number,
    from: NumericCells,
    fromSlot: number,
    part: CellPart = "both",
    head?: number,
  ): void {
    this.#each(layer, part, head, (to, half, h) => {
      const source = from[half][layer]![h]!.subarray(fromSlot * HEAD_SIZE, (fromSlot + 1) * HEAD_SIZE);
      to.set(source, slot * HEAD_SIZE);
    });
  }

  zero(layer: number, slot: number, part: CellPart = "both", head?: number): void {
    this.#each(layer, part, head, (to) => to.fill(0, slot * HEAD_SIZE, (slot + 1) * HEAD_SIZE));
  }

  #each(
    layer: number,
    part: CellPart,
    head: number | undefined,
    act: (to: Float64Array, half: "keys" | "values", head: number) => void,
  ): void {
    for (let h = 0; h < this.keys[layer]!.length; h++) {
      if (head !== undefined && h !== head) continue;
      if (part !== "value") act(this.keys[layer]![h]!, "keys", h);
      if (part !== "key") act(this.values[layer]![h]!, "values", h);
    }
  }
}

/** The weights, ready to compute with. */
export class ReferenceModel {
  readonly weights: TracerWeights;
  readonly round: Rounding;
  readonly embedding: Matrix;
  readonly head: SparseMatrix;
  readonly layers: readonly { query: SparseMatrix; key: SparseMatrix; value: SparseMatrix; output: SparseMatrix }[];

  /** @param weights with rotary layout `neighbours` */
  constructor(weights: TracerWeights, round: Rounding = exact) {
    this.weights = weights;
    this.round = round;
    this.embedding = weights.embedding;
    this.head = sparse(weights.head, round);
    this.layers = weights.layers.map((layer) => ({
      query: sparse(layer.query, round),
      key: sparse(layer.key, round),
      value: sparse(layer.value, round),
      output: sparse(layer.output, round),
    }));
  }

  cells(slots: number): NumericCells {
    return new NumericCells(this.layers.length, this.weights.shape.kvHeads, slots);
  }
}

/** One chunk of one sequence on its way through the layers; the numeric twin of `Pass`. */
export class NumericPass {
  readonly #model: ReferenceModel;
  readonly #cells: NumericCells;
  readonly #slots: ArrayLike<number>;
  readonly #start: number;
  readonly #stream: Float64Array[];

  constructor(
    model: ReferenceModel,
    cells: NumericCells,
    slots: ArrayLike<number>,
    start: number,
    tokens: ArrayLike<number>,
  ) {
    this.#model = model;
    this.#cells = cells;
    this.#slots = slots;
    this.#start = start;
    this.#stream = Array.from(tokens, (id) =>
      Float64Array.from(model.embedding.data.subarray(id * HIDDEN_SIZE, (id + 1) * HIDDEN_SIZE), model.round),
    );
  }

  layer(layer: number): void {
    const { round, weights } = this.#model;
    const matrices = this.#model.layers[layer]!;
    const queries: Float64Array[] = [];
    for (const [i, x] of this.#stream.entries()) {
      const position = this.#start + i;
      const input = normalise(x, round);
      const query = multiply(matrices.query, input, round);
      const key = multiply(matrices.key, input, round);
      rotate(query, position, round);
      rotate(key, position, round);
      const value = multiply(matrices.value, input, round);
      queries.push(query);
      for (let h = 0; h < weights.shape.kvHeads; h++) {
        const at = this.#slots[position]! * HEAD_SIZE;
        this.#cells.keys[layer]![h]!.set(key.subarray(h * HEAD_SIZE, (h + 1) * HEAD_SIZE), at);
        this.#cells.values[layer]![h]!.set(value.subarray(h * HEAD_SIZE, (h + 1) * HEAD_SIZE), at);
      }
    }
    for (const [i, x] of this.#stream.entries()) {
      const attended = new Float64Array(queryHeads(weights.shape) * HEAD_SIZE);
      for (let head = 0; head < queryHeads(weights.shape); head++) {
        const query = queries[i]!.subarray(head * HEAD_SIZE, (head + 1) * HEAD_SIZE);
        this.#attend(
          layer,
          head >> 1,
          query,
          this.#start + i,
          attended.subarray(head * HEAD_SIZE, (head + 1) * HEAD_SIZE),
        );
      }
      const added = multiply(matrices.output, attended, round);
      for (let c = 0; c < HIDDEN_SIZE; c++) x[c] = round(x[c]! + added[c]!);
    }
  }

  /** Logits of the token after the chunk. */
  logits(): Float64Array {
    return multiply(this.#model.head, normalise(this.#stream.at(-1)!, this.#model.round), this.#model.round);
  }

  #attend(layer: number, kvHead: number, query: Float64Array, last: number, out: Float64Array): void {
    const keys = this.#cells.keys[layer]![kvHead]!;
    const values = this.#cells.values[layer]![kvHead]!;
    const { round } = this.#model;
    const weights = new Float64Array(last + 1);
    let top = -Infinity;
    const used = [...query.keys()].filter((c) => query[c] !== 0);
    for (let position = 0; position <= last; position++) {
      const at = this.#slots[position]! * HEAD_SIZE;
      let score = 0;
      for (const c of used) score += query[c]! * keys[at + c]!;
      weights[position] = score / Math.sqrt(HEAD_SIZE);
      top = Math.max(top, weights[position]!);
    }
    let sum = 0;
    for (let position = 0; position <= last; position++) {
      weights[position] = Math.exp(weights[position]! - top);
      sum += weights[position]!;
    }
    for (let position = 0; position <= last; position++) {
      const weight = round(weights[position]! / sum);
      if (weight === 0) continue;
      const at = this.#slots[position]! * HEAD_SIZE;
      for (let c = 0; c < HEAD_SIZE; c++) out[c]! += weight * values[at + c]!;
    }
    for (let c = 0; c < HEAD_SIZE; c++) out[c] = round(out[c]!);
  }
}

/** The greedy token and its distance to the runner-up, in nats. */
export function greedy(logits: Float64Array): { token: number; margin: number } {
  let token = 0;
  let second = -Infinity;
  for (let id = 1; id < logits.length; id++) {
    if (logits[id]! > logits[token]!) {
      second = logits[token]!;
      token = id;
    } else if (logits[id]! > second) second = logits[id]!;
  }
  return { token, margin: logits[token]! - second };
}
