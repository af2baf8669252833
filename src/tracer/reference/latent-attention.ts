/** Multi-head latent attention of one layer, as DeepSeek V2 has it: cells are what engines cache, heads expand them. */

import type { LatentLayerWeights } from "../latent.ts";
import { keySize, LATENT_ROTARY, type TracerShape } from "../shape.ts";
import { multiply, normalise, type Rounding, rotate, type SparseMatrix, sparse } from "./arithmetic.ts";
import type { Attention, HeadCells, LayerCells } from "./attention.ts";

export class LatentAttention implements Attention {
  readonly output: SparseMatrix;
  readonly #shape: TracerShape;
  readonly #round: Rounding;
  readonly #query: SparseMatrix;
  readonly #compress: SparseMatrix;
  readonly #norm: Float64Array;
  readonly #expand: SparseMatrix;

  constructor(shape: TracerShape, weights: LatentLayerWeights, round: Rounding) {
    this.#shape = shape;
    this.#round = round;
    this.#query = sparse(weights.query, round);
    this.#compress = sparse(weights.compress, round);
    this.#norm = Float64Array.from(weights.norm.data, round);
    this.#expand = sparse(weights.expand, round);
    this.output = sparse(weights.output, round);
  }

  project(input: Float64Array, position: number, cells: LayerCells, slot: number): Float64Array {
    const round = this.#round;
    const { headSize } = this.#shape;
    const latent = this.#norm.length;
    const compressed = multiply(this.#compress, input, round);
    const kept = normalise(compressed.subarray(0, latent), round).map((value, i) => round(value * this.#norm[i]!));
    const rotary = compressed.subarray(latent);
    rotate(rotary, headSize, position, round);
    const at = slot * compressed.length;
    cells.keys[0]!.set(kept, at);
    cells.keys[0]!.set(rotary, at + latent);
    const query = multiply(this.#query, input, round);
    for (let end = keySize(this.#shape); end <= query.length; end += keySize(this.#shape))
      rotate(query.subarray(end - LATENT_ROTARY, end), headSize, position, round);
    return query;
  }

  heads({ keys }: LayerCells, slots: ArrayLike<number>, length: number): readonly HeadCells[] {
    const { queryHeads, headSize } = this.#shape;
    const [cells, size, latent] = [keys[0]!, keySize(this.#shape), this.#norm.length];
    const width = latent + LATENT_ROTARY;
    const count = cells.length / width;
    const heads = Array.from({ length: queryHeads }, () => ({
      keys: new Float64Array(count * size),
      values: new Float64Array(count * headSize),
    }));
    for (let position = 0; position < length; position++) {
      const slot = slots[position]!;
      const cell = Float64Array.from(cells.subarray(slot * width, (slot + 1) * width));
      const expanded = multiply(this.#expand, cell.subarray(0, latent), this.#round);
      for (const [head, of] of heads.entries()) {
        const from = 2 * head * headSize;
        of.keys.set(expanded.subarray(from, from + headSize), slot * size);
        of.keys.set(cell.subarray(latent), slot * size + headSize);
        of.values.set(expanded.subarray(from + headSize, from + 2 * headSize), slot * headSize);
      }
    }
    return heads;
  }
}
