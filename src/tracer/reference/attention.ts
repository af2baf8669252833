/** What the forward pass asks of a layer's attention, whatever its cells are. */

import type { LowRank } from "../adapter-weights.ts";
import { add, exact, multiply, type Rounding, type SparseMatrix, sparse } from "./arithmetic.ts";

/** The cells of one layer by KV head, each an array by slot. A latent cell is a key, and has no value. */
export interface LayerCells {
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
}

/** What one query head attends to: keys and values by slot. */
export interface HeadCells {
  readonly keys: Float32Array | Float64Array;
  readonly values: Float32Array | Float64Array;
}

/** A low-rank change, ready to compute with: kept apart from the weights and added to what they give, as engines do. */
export interface SparseLowRank {
  readonly a: SparseMatrix;
  readonly b: SparseMatrix;
}

export function sparseLowRank({ a, b }: LowRank, round: Rounding): SparseLowRank {
  return { a: sparse(a, round), b: sparse(b, round) };
}

/** Adds what an adapter makes of the input. */
export function applyChange(
  out: Float64Array,
  change: SparseLowRank | null,
  input: Float64Array,
  round: Rounding,
): void {
  if (change !== null) add(out, multiply(change.b, multiply(change.a, input, exact), exact), round);
}

export interface Attention {
  readonly output: SparseMatrix;
  /**
   * Stores the cell of a position, and gives its query: key size numbers for each query head.
   * @param change of the value, by an adapter
   */
  project(
    input: Float64Array,
    position: number,
    cells: LayerCells,
    slot: number,
    change: SparseLowRank | null,
  ): Float64Array;
  /** What each query head sees of the cells of positions 0 .. length - 1. */
  heads(cells: LayerCells, slots: ArrayLike<number>, length: number): readonly HeadCells[];
}
