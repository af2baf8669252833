/** Grouped-query attention of one layer, as a Llama has it. */

import { groupSize, type TracerShape } from "../shape.ts";
import type { LayerWeights } from "../weights.ts";
import { multiply, type Rounding, rotate, type SparseMatrix, sparse } from "./arithmetic.ts";
import { type Attention, applyChange, type HeadCells, type LayerCells, type SparseLowRank } from "./attention.ts";

export class GroupedAttention implements Attention {
  readonly output: SparseMatrix;
  readonly #shape: TracerShape;
  readonly #round: Rounding;
  readonly #query: SparseMatrix;
  readonly #key: SparseMatrix;
  readonly #value: SparseMatrix;

  constructor(shape: TracerShape, weights: LayerWeights, round: Rounding) {
    this.#shape = shape;
    this.#round = round;
    this.#query = sparse(weights.query, round);
    this.#key = sparse(weights.key, round);
    this.#value = sparse(weights.value, round);
    this.output = sparse(weights.output, round);
  }

  project(
    input: Float64Array,
    position: number,
    cells: LayerCells,
    slot: number,
    change: SparseLowRank | null,
  ): Float64Array {
    const { kvHeads, headSize } = this.#shape;
    const round = this.#round;
    const query = multiply(this.#query, input, round);
    const key = multiply(this.#key, input, round);
    rotate(query, headSize, position, round);
    rotate(key, headSize, position, round);
    const value = multiply(this.#value, input, round);
    applyChange(value, change, input, round);
    for (let h = 0; h < kvHeads; h++) {
      cells.keys[h]!.set(key.subarray(h * headSize, (h + 1) * headSize), slot * headSize);
      cells.values[h]!.set(value.subarray(h * headSize, (h + 1) * headSize), slot * headSize);
    }
    return query;
  }

  heads({ keys, values }: LayerCells): readonly HeadCells[] {
    const group = groupSize(this.#shape);
    return Array.from({ length: this.#shape.queryHeads }, (_, head) => {
      const kvHead = Math.floor(head / group);
      return { keys: keys[kvHead]!, values: values[kvHead]! };
    });
  }
}
