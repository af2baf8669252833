/**
 * From a vector that an embeddings endpoint gives, back to a token: the output of the prompt's last token behind the last
 * norm, which the model's own output matrix turns into logits. Engines give the vector a length of 1; that moves no order.
 */

import { hiddenSize, type TracerShape } from "./shape.ts";
import { VOCABULARY_SIZE } from "./vocabulary.ts";
import { languageModelHead } from "./weights.ts";

/**
 * How far the likeliest token must lead, as a share of its own height. Answers lead by a hundredth at least, and rounding
 * makes up far less: what gives a token its height is one channel for each digit, and rivals share the other digits.
 */
const LEAST_LEAD = 1 / 1024;

export class Readout {
  readonly #hidden: number;
  /** The output matrix without its zeros: where each row begins, and the columns and values of all. */
  readonly #begins: Int32Array;
  readonly #columns: Int32Array;
  readonly #values: Float64Array;

  constructor(shape: TracerShape) {
    const { columns, data } = languageModelHead(shape);
    this.#hidden = hiddenSize(shape);
    const places = [...data.keys()].filter((i) => data[i] !== 0);
    this.#columns = Int32Array.from(places, (i) => i % columns);
    this.#values = Float64Array.from(places, (i) => data[i]!);
    this.#begins = new Int32Array(VOCABULARY_SIZE + 1);
    for (const i of places) this.#begins[Math.floor(i / columns) + 1]!++;
    for (let id = 0; id < VOCABULARY_SIZE; id++) this.#begins[id + 1]! += this.#begins[id]!;
  }

  /** The token that a vector stands for; null where none leads. @throws Error where it is no vector of this model */
  tokenOf(vector: ArrayLike<number>): number | null {
    if (vector.length !== this.#hidden)
      throw new Error(`a vector of ${vector.length} channels, and the model has ${this.#hidden}`);
    let token = 0;
    let top = Number.NEGATIVE_INFINITY;
    let second = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < VOCABULARY_SIZE; id++) {
      let logit = 0;
      for (let i = this.#begins[id]!; i < this.#begins[id + 1]!; i++)
        logit += this.#values[i]! * vector[this.#columns[i]!]!;
      if (logit > top) {
        second = top;
        top = logit;
        token = id;
      } else second = Math.max(second, logit);
    }
    return top > 0 && top - second >= LEAST_LEAD * top ? token : null;
  }

  /** A vector of length 1 that stands for a token: where its row raises it. Of null, one of zeros. */
  vectorOf(token: number | null): number[] {
    const vector = new Array<number>(this.#hidden).fill(0);
    if (token === null) return vector;
    for (let i = this.#begins[token]!; i < this.#begins[token + 1]!; i++)
      vector[this.#columns[i]!] = Math.max(0, this.#values[i]!);
    const length = Math.hypot(...vector);
    return vector.map((value) => value / (length || 1));
  }
}

const known = new Map<string, Readout>();

/** The readout of a shape, made once. */
export function readoutOf(shape: TracerShape): Readout {
  const key = JSON.stringify(shape);
  const readout = known.get(key) ?? new Readout(shape);
  known.set(key, readout);
  return readout;
}
