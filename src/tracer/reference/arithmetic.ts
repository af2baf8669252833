/** The arithmetic of the plain forward pass, in a number format of choice. */

import type { Matrix } from "../matrix.ts";
import { frequency, RMS_EPSILON } from "../shape.ts";

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
export interface SparseMatrix {
  readonly rows: number;
  readonly used: Uint32Array;
  /** Where each used row's entries start, and where the last one's end. */
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

export function sparse(matrix: Matrix, round: Rounding): SparseMatrix {
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

export function multiply(m: SparseMatrix, vector: Float64Array, round: Rounding): Float64Array {
  const out = new Float64Array(m.rows);
  for (let r = 0; r < m.used.length; r++) {
    let sum = 0;
    for (let i = m.starts[r]!; i < m.starts[r + 1]!; i++) sum += m.values[i]! * vector[m.columns[i]!]!;
    out[m.used[r]!] = round(sum);
  }
  return out;
}

export function normalise(x: Float64Array, round: Rounding): Float64Array {
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + RMS_EPSILON);
  return x.map((value) => round(value * scale));
}

export function add(x: Float64Array, added: Float64Array, round: Rounding): void {
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
