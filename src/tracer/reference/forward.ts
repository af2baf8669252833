/**
 * A plain forward pass over the written weights: what an engine computes, with nothing clever about it. It holds the
 * symbolic predictor to the truth, in tests and in the bench that measures what each read can see.
 * Shapes follow Hugging Face's Llama, or with a latent its DeepSeek V2; rotary pairs are neighbours.
 */

import type { AdapterLayer } from "../adapter-weights.ts";
import type { CellPart } from "../cells.ts";
import type { LatentWeights } from "../latent.ts";
import type { Matrix } from "../matrix.ts";
import { firstSeen, hiddenSize, keySize, LATENT_ROTARY, type TracerShape } from "../shape.ts";
import type { TracerWeights } from "../weights.ts";
import { add, exact, multiply, normalise, type Rounding, type SparseMatrix, sparse } from "./arithmetic.ts";
import {
  type Attention,
  applyChange,
  type HeadCells,
  type LayerCells,
  type SparseLowRank,
  sparseLowRank,
} from "./attention.ts";
import { ReferenceFeedForward } from "./feed-forward.ts";
import { GroupedAttention } from "./grouped-attention.ts";
import { LatentAttention } from "./latent-attention.ts";

export { bf16, exact, f16, type Rounding, rotate } from "./arithmetic.ts";

/** Value channels of one query head that an output matrix reads. */
function channelsRead(output: SparseMatrix, head: number, headSize: number): number[] {
  const read = new Set<number>();
  for (const column of output.columns) if (Math.floor(column / headSize) === head) read.add(column % headSize);
  return [...read];
}

/** Keys and values as numbers, by layer, KV head and slot. A latent cell is a key without a value. */
export class NumericCells {
  readonly keys: readonly (readonly Float32Array[])[];
  readonly values: readonly (readonly Float32Array[])[];
  /** Numbers of one cell's key and value. */
  readonly sizes: Readonly<Record<"keys" | "values", number>>;

  constructor(layers: number, { kvHeads, headSize, latent }: TracerShape, slots: number) {
    this.sizes = latent === null ? { keys: headSize, values: headSize } : { keys: latent + LATENT_ROTARY, values: 0 };
    const make = (size: number) =>
      Array.from({ length: layers }, () => Array.from({ length: kvHeads }, () => new Float32Array(slots * size)));
    this.keys = make(this.sizes.keys);
    this.values = make(this.sizes.values);
  }

  layer(layer: number): LayerCells {
    return { keys: this.keys[layer]!, values: this.values[layer]! };
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
      const size = this.sizes[half];
      to.set(from[half][layer]![h]!.subarray(fromSlot * size, (fromSlot + 1) * size), slot * size);
    });
  }

  zero(layer: number, slot: number, part: CellPart = "both", head?: number): void {
    this.#each(layer, part, head, (to, half) => to.fill(0, slot * this.sizes[half], (slot + 1) * this.sizes[half]));
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

/** A layer, ready to compute with. */
interface ReferenceLayer {
  readonly attention: Attention;
  readonly feedForward: ReferenceFeedForward;
  /** By query head: the value channels that its output reads. All others would be computed for nothing. */
  readonly readChannels: readonly (readonly number[])[];
}

/** The weights, ready to compute with. */
export class ReferenceModel {
  readonly weights: TracerWeights | LatentWeights;
  readonly round: Rounding;
  readonly embedding: Matrix;
  readonly head: SparseMatrix;
  readonly layers: readonly ReferenceLayer[];

  /** @param weights with rotary layout `neighbours`; of a shape with a latent, `latentWeights` */
  constructor(weights: TracerWeights | LatentWeights, round: Rounding = exact) {
    this.weights = weights;
    this.round = round;
    this.embedding = weights.embedding;
    this.head = sparse(weights.head, round);
    const { shape } = weights;
    this.layers = weights.layers.map((layer) => {
      const attention =
        "compress" in layer ? new LatentAttention(shape, layer, round) : new GroupedAttention(shape, layer, round);
      return {
        attention,
        readChannels: Array.from({ length: shape.queryHeads }, (_, head) =>
          channelsRead(attention.output, head, shape.headSize),
        ),
        feedForward: new ReferenceFeedForward(layer, round),
      };
    });
  }

  cells(slots: number): NumericCells {
    return new NumericCells(this.layers.length, this.weights.shape, slots);
  }
}

/** An adapter of a model, by layer. */
export class ReferenceAdapter {
  readonly value: readonly SparseLowRank[];
  readonly output: readonly (SparseLowRank | null)[];

  constructor(layers: readonly AdapterLayer[], round: Rounding = exact) {
    this.value = layers.map((layer) => sparseLowRank(layer.value, round));
    this.output = layers.map((layer) => (layer.output === null ? null : sparseLowRank(layer.output, round)));
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
    const { queryHeads, headSize } = weights.shape;
    const { attention, readChannels, feedForward } = this.#model.layers[layer]!;
    const cells = this.#cells.layer(layer);
    const queries = this.#stream.map((x, i) => {
      const position = this.#start + i;
      const change = this.#adapter?.value[layer] ?? null;
      const slot = this.#slots[position]!;
      return attention.project(normalise(x, round), position + this.#shift, cells, slot, change);
    });
    const heads = attention.heads(cells, this.#slots, this.#start + this.#stream.length);
    const change = this.#adapter?.output[layer] ?? null;
    const size = keySize(weights.shape);
    for (const [i, x] of this.#stream.entries()) {
      const attended = new Float64Array(queryHeads * headSize);
      for (let head = 0; head < queryHeads; head++) {
        const ofBase = readChannels[head]!;
        const read = change ? [...new Set([...ofBase, ...channelsRead(change.a, head, headSize)])] : ofBase;
        if (read.length === 0) continue;
        const query = queries[i]!.subarray(head * size, (head + 1) * size);
        const out = attended.subarray(head * headSize, (head + 1) * headSize);
        this.#attend(layer, heads[head]!, query, this.#start + i, read, out);
      }
      const added = multiply(attention.output, attended, round);
      applyChange(added, change, attended, round);
      add(x, added, round);
      feedForward.addTo(x);
    }
  }

  /** Logits of the token after the chunk. */
  logits(): Float64Array {
    return multiply(this.#model.head, this.hidden(), this.#model.round);
  }

  /** What the logits are made of: the last token's output behind the last norm. */
  hidden(): Float64Array {
    return normalise(this.#stream.at(-1)!, this.#model.round);
  }

  #attend(
    layer: number,
    { keys, values }: HeadCells,
    query: Float64Array,
    last: number,
    read: readonly number[],
    out: Float64Array,
  ): void {
    const { round, weights: model } = this.#model;
    const [size, valueSize] = [query.length, out.length];
    const weights = new Float64Array(last + 1);
    let top = -Infinity;
    const used = [...query.keys()].filter((c) => query[c] !== 0);
    const first = firstSeen(model.shape, layer, last);
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
      const at = this.#slots[position]! * valueSize;
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
