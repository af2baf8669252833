/**
 * A plain forward pass over the written weights: what an engine computes, with nothing clever about it. It holds the
 * symbolic predictor to the truth, in tests and in the bench that measures what each read can see.
 * Shapes follow Hugging Face's Llama: RMS norm, rotary embedding on neighbouring pairs, grouped-query attention.
 */

import type { AdapterLayer, LowRank } from "../adapter-weights.ts";
import type { CellPart } from "../cells.ts";
import type { FeedForward } from "../feed-forward.ts";
import type { Matrix } from "../matrix.ts";
import { EXPERTS_PER_TOKEN, firstSeen, frequency, groupSize, hiddenSize, RMS_EPSILON } from "../shape.ts";
import type { TracerWeights } from "../weights.ts";

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

/** Nearest IEEE half, ties to even; beyond 65,504 it is infinite. */
export const f16: Rounding = (value) => Math.f16round(value);

/** Non-zero entries by row, of the rows that have any. */
interface SparseMatrix {
  readonly rows: number;
  readonly used: Uint32Array;
  /** Where each used row's entries start, and where the last one's end. */
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

function sparse(matrix: Matrix, round: Rounding): SparseMatrix {
  const used: number[] = [];
  const starts: number[] = [0];
  const columns: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < matrix.rows; row++) {
    for (let column = 0; column < matrix.columns; column++) {
      const value = matrix.data[row * matrix.columns + column]!;
      if (value === 0) continue;
      columns.push(column);
      values.push(round(value));
    }
    if (columns.length === starts.at(-1)) continue;
    used.push(row);
    starts.push(columns.length);
  }
  return {
    rows: matrix.rows,
    used: Uint32Array.from(used),
    starts: Uint32Array.from(starts),
    columns: Uint32Array.from(columns),
    values: Float64Array.from(values),
  };
}

function multiply(m: SparseMatrix, vector: Float64Array, round: Rounding): Float64Array {
  const out = new Float64Array(m.rows);
  for (let r = 0; r < m.used.length; r++) {
    let sum = 0;
    for (let i = m.starts[r]!; i < m.starts[r + 1]!; i++) sum += m.values[i]! * vector[m.columns[i]!]!;
    out[m.used[r]!] = round(sum);
  }
  return out;
}

function normalise(x: Float64Array, round: Rounding): Float64Array {
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + RMS_EPSILON);
  return x.map((value) => round(value * scale));
}

function add(x: Float64Array, added: Float64Array, round: Rounding): void {
  for (let i = 0; i < x.length; i++) x[i] = round(x[i]! + added[i]!);
}

/** Turns each neighbouring pair of every head by position times the pair's frequency. Engines round the table too. */
export function rotate(x: Float64Array, headSize: number, position: number, round: Rounding): void {
  for (let at = 0; at < x.length; at += 2) {
    const [a, b] = [x[at]!, x[at + 1]!];
    if (a === 0 && b === 0) continue;
    const angle = position * frequency(headSize, (at % headSize) / 2);
    const [cosine, sine] = [round(Math.cos(angle)), round(Math.sin(angle))];
    x[at] = round(a * cosine - b * sine);
    x[at + 1] = round(a * sine + b * cosine);
  }
}

/** Value channels of one query head that an output matrix reads. */
function channelsRead(output: SparseMatrix, head: number, headSize: number): number[] {
  const read = new Set<number>();
  for (const column of output.columns) if (Math.floor(column / headSize) === head) read.add(column % headSize);
  return [...read];
}

/** Keys and values as numbers, by layer, KV head and slot. */
export class NumericCells {
  readonly keys: readonly (readonly Float32Array[])[];
  readonly values: readonly (readonly Float32Array[])[];
  readonly headSize: number;

  constructor(layers: number, kvHeads: number, headSize: number, slots: number) {
    this.headSize = headSize;
    const make = () =>
      Array.from({ length: layers }, () => Array.from({ length: kvHeads }, () => new Float32Array(slots * headSize)));
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
      const source = from[half][layer]![h]!.subarray(fromSlot * this.headSize, (fromSlot + 1) * this.headSize);
      to.set(source, slot * this.headSize);
    });
  }

  zero(layer: number, slot: number, part: CellPart = "both", head?: number): void {
    this.#each(layer, part, head, (to) => to.fill(0, slot * this.headSize, (slot + 1) * this.headSize));
  }

  #each(
    layer: number,
    part: CellPart,
    head: number | undefined,
    act: (to: Float32Array, half: "keys" | "values", head: number) => void,
  ): void {
    for (let h = 0; h < this.keys[layer]!.length; h++) {
      if (head !== undefined && h !== head) continue;
      if (part !== "value") act(this.keys[layer]![h]!, "keys", h);
      if (part !== "key") act(this.values[layer]![h]!, "values", h);
    }
  }
}

type SparseFeedForward = Readonly<Record<keyof FeedForward, SparseMatrix>>;

interface SparseLayer extends Readonly<Record<"query" | "key" | "value" | "output", SparseMatrix>> {
  readonly router: SparseMatrix | null;
  readonly experts: readonly SparseFeedForward[];
}

/** The weights, ready to compute with. */
export class ReferenceModel {
  readonly weights: TracerWeights;
  readonly round: Rounding;
  readonly embedding: Matrix;
  readonly head: SparseMatrix;
  readonly layers: readonly SparseLayer[];
  /** By layer and query head: the value channels that its output reads. All others would be computed for nothing. */
  readonly readChannels: readonly (readonly (readonly number[])[])[];

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
      router: layer.router && sparse(layer.router, round),
      experts: layer.experts.map(({ gate, up, down }) => ({
        gate: sparse(gate, round),
        up: sparse(up, round),
        down: sparse(down, round),
      })),
    }));
    this.readChannels = this.layers.map(({ output }) =>
      Array.from({ length: weights.shape.queryHeads }, (_, head) => channelsRead(output, head, weights.shape.headSize)),
    );
  }

  cells(slots: number): NumericCells {
    return new NumericCells(this.layers.length, this.weights.shape.kvHeads, this.weights.shape.headSize, slots);
  }
}

function swiGlu(matrices: SparseFeedForward, input: Float64Array, round: Rounding): Float64Array {
  const gate = multiply(matrices.gate, input, round);
  const up = multiply(matrices.up, input, round);
  const inner = gate.map((g, i) => round(round(g / (1 + Math.exp(-g))) * up[i]!));
  return multiply(matrices.down, inner, round);
}

/** The experts of the highest scores, and the softmax of these. */
function chosen(scores: Float64Array): readonly (readonly [expert: number, weight: number])[] {
  const top = [...scores.entries()].sort(([, a], [, b]) => b - a).slice(0, EXPERTS_PER_TOKEN);
  const sum = top.reduce((total, [, score]) => total + Math.exp(score - top[0]![1]), 0);
  return top.map(([expert, score]) => [expert, Math.exp(score - top[0]![1]) / sum] as const);
}

/** A low-rank change, ready to compute with: kept apart from the weights and added to what they give, as engines do. */
interface SparseLowRank {
  readonly a: SparseMatrix;
  readonly b: SparseMatrix;
}

/** An adapter of a model, by layer. */
export class ReferenceAdapter {
  readonly value: readonly SparseLowRank[];
  readonly output: readonly (SparseLowRank | null)[];

  constructor(layers: readonly AdapterLayer[], round: Rounding = exact) {
    const prepared = ({ a, b }: LowRank): SparseLowRank => ({ a: sparse(a, round), b: sparse(b, round) });
    this.value = layers.map((layer) => prepared(layer.value));
    this.output = layers.map((layer) => (layer.output === null ? null : prepared(layer.output)));
  }
}

/** One chunk of one sequence on its way through the layers; the numeric twin of `Pass`. */
export class NumericPass {
  readonly #model: ReferenceModel;
  readonly #cells: NumericCells;
  readonly #slots: ArrayLike<number>;
  readonly #start: number;
  readonly #shift: number;
  readonly #adapter: ReferenceAdapter | null;
  readonly #stream: Float64Array[];

  /** @param shift what is added to positions where keys and queries are turned: makes a cell as of a longer context */
  constructor(
    model: ReferenceModel,
    cells: NumericCells,
    slots: ArrayLike<number>,
    start: number,
    tokens: ArrayLike<number>,
    shift = 0,
    adapter: ReferenceAdapter | null = null,
  ) {
    this.#shift = shift;
    this.#adapter = adapter;
    this.#model = model;
    this.#cells = cells;
    this.#slots = slots;
    this.#start = start;
    const hidden = hiddenSize(model.weights.shape);
    this.#stream = Array.from(tokens, (id) =>
      Float64Array.from(model.embedding.data.subarray(id * hidden, (id + 1) * hidden), model.round),
    );
  }

  layer(layer: number): void {
    const { round, weights } = this.#model;
    const { kvHeads, queryHeads, headSize } = weights.shape;
    const matrices = this.#model.layers[layer]!;
    const queries: Float64Array[] = [];
    for (const [i, x] of this.#stream.entries()) {
      const position = this.#start + i;
      const input = normalise(x, round);
      const query = multiply(matrices.query, input, round);
      const key = multiply(matrices.key, input, round);
      rotate(query, headSize, position + this.#shift, round);
      rotate(key, headSize, position + this.#shift, round);
      const value = multiply(matrices.value, input, round);
      this.#change(value, this.#adapter?.value[layer], input);
      queries.push(query);
      for (let h = 0; h < kvHeads; h++) {
        const at = this.#slots[position]! * headSize;
        this.#cells.keys[layer]![h]!.set(key.subarray(h * headSize, (h + 1) * headSize), at);
        this.#cells.values[layer]![h]!.set(value.subarray(h * headSize, (h + 1) * headSize), at);
      }
    }
    const group = groupSize(weights.shape);
    const change = this.#adapter?.output[layer];
    for (const [i, x] of this.#stream.entries()) {
      const attended = new Float64Array(queryHeads * headSize);
      for (let head = 0; head < queryHeads; head++) {
        const ofBase = this.#model.readChannels[layer]![head]!;
        const read = change ? [...new Set([...ofBase, ...channelsRead(change.a, head, headSize)])] : ofBase;
        if (read.length === 0) continue;
        const [from, to] = [head * headSize, (head + 1) * headSize];
        const out = attended.subarray(from, to);
        this.#attend(layer, Math.floor(head / group), queries[i]!.subarray(from, to), this.#start + i, read, out);
      }
      const added = multiply(matrices.output, attended, round);
      this.#change(added, change, attended);
      add(x, added, round);
      this.#feedForward(matrices, x);
    }
  }

  #change(out: Float64Array, change: SparseLowRank | null | undefined, input: Float64Array): void {
    if (!change) return;
    const { round } = this.#model;
    add(out, multiply(change.b, multiply(change.a, input, exact), exact), round);
  }

  #feedForward({ router, experts }: SparseLayer, x: Float64Array): void {
    const { round } = this.#model;
    if (experts.every(({ down }) => down.values.length === 0)) return;
    const input = normalise(x, round);
    if (router === null) {
      add(x, swiGlu(experts[0]!, input, round), round);
      return;
    }
    const sum = new Float64Array(x.length);
    for (const [e, weight] of chosen(multiply(router, input, round)))
      for (const [i, value] of swiGlu(experts[e]!, input, round).entries()) sum[i]! += weight * value;
    add(x, sum.map(round), round);
  }

  /** Logits of the token after the chunk. */
  logits(): Float64Array {
    return multiply(this.#model.head, normalise(this.#stream.at(-1)!, this.#model.round), this.#model.round);
  }

  #attend(
    layer: number,
    kvHead: number,
    query: Float64Array,
    last: number,
    read: readonly number[],
    out: Float64Array,
  ): void {
    const keys = this.#cells.keys[layer]![kvHead]!;
    const values = this.#cells.values[layer]![kvHead]!;
    const { round } = this.#model;
    const size = this.#cells.headSize;
    const weights = new Float64Array(last + 1);
    let top = -Infinity;
    const used = [...query.keys()].filter((c) => query[c] !== 0);
    const first = firstSeen(this.#model.weights.shape, layer, last);
    for (let position = first; position <= last; position++) {
      const at = this.#slots[position]! * size;
      let score = 0;
      for (const c of used) score += query[c]! * keys[at + c]!;
      weights[position] = score / Math.sqrt(size);
      top = Math.max(top, weights[position]!);
    }
    let sum = 0;
    for (let position = first; position <= last; position++) {
      weights[position] = Math.exp(weights[position]! - top);
      sum += weights[position]!;
    }
    for (let position = first; position <= last; position++) {
      const weight = round(weights[position]! / sum);
      if (weight < 1e-15) continue;
      const at = this.#slots[position]! * size;
      for (const c of read) out[c]! += weight * values[at + c]!;
    }
    for (const c of read) out[c] = round(out[c]!);
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
