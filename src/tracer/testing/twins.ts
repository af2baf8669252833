/** The symbolic predictor beside the forward pass over the written weights. */

import { type CellPart, CellStore } from "../cells.ts";
import { Pass } from "../predict.ts";
import { greedy, type NumericCells, NumericPass, type ReferenceModel } from "../reference/forward.ts";

/** The same sequence of chunks and corruptions, over symbols and over numbers. */
export class Twins {
  readonly #model: ReferenceModel;
  readonly cells: CellStore;
  readonly numbers: NumericCells;
  readonly #slots: readonly number[];

  constructor(model: ReferenceModel, slots: number) {
    this.#model = model;
    this.cells = new CellStore(model.weights.shape, slots);
    this.numbers = model.cells(slots);
    this.#slots = Array.from({ length: slots }, (_, i) => i);
  }

  copy(layer: number, slot: number, from: Twins, fromSlot: number, part: CellPart, head?: number): void {
    this.cells.copy(layer, slot, from.cells, fromSlot, part, head);
    this.numbers.copy(layer, slot, from.numbers, fromSlot, part, head);
  }

  zero(layer: number, slot: number, part: CellPart, head?: number): void {
    this.cells.zero(layer, slot, part, head);
    this.numbers.zero(layer, slot, part, head);
  }

  compute(start: number, tokens: readonly number[]) {
    const symbolic = new Pass(this.cells, this.#slots, start, tokens);
    const numeric = new NumericPass(this.#model, this.numbers, this.#slots, start, tokens);
    for (let layer = 0; layer < this.cells.layers; layer++) {
      symbolic.layer(layer);
      numeric.layer(layer);
    }
    return { answer: symbolic.answer().candidates, ...greedy(numeric.logits()) };
  }
}

/** What predictor and forward pass answer to a read, one token a step. */
export function decoded(twins: Twins, from: number, read: readonly number[], length: number) {
  const found = [];
  let chunk = read;
  for (let start = from; found.length < length; ) {
    const step = twins.compute(start, chunk);
    found.push(step);
    start += chunk.length;
    chunk = [step.token];
  }
  return found;
}
