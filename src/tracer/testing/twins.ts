/** The symbolic predictor beside the forward pass over the written weights. */

import type { AdapterName } from "../adapter.ts";
import { type CellPart, CellStore } from "../cells.ts";
import { Pass } from "../predict.ts";
import {
  greedy,
  type NumericCells,
  NumericPass,
  type ReferenceAdapter,
  type ReferenceModel,
} from "../reference/forward.ts";

/** The same sequence of chunks and corruptions, over symbols and over numbers. */
export class Twins {
  readonly #model: ReferenceModel;
  readonly #adapters: ReadonlyMap<AdapterName, ReferenceAdapter>;
  readonly cells: CellStore;
  readonly numbers: NumericCells;
  readonly #slots: readonly number[];

  constructor(model: ReferenceModel, slots: number, adapters: ReadonlyMap<AdapterName, ReferenceAdapter> = new Map()) {
    this.#model = model;
    this.#adapters = adapters;
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

  compute(start: number, tokens: readonly number[], under: AdapterName | null = null) {
    const symbolic = new Pass(this.cells, this.#slots, start, tokens, under);
    const adapter = under === null ? null : this.#adapters.get(under)!;
    const numeric = new NumericPass(this.#model, this.numbers, this.#slots, start, tokens, 0, adapter);
    for (let layer = 0; layer < this.cells.layers; layer++) {
      symbolic.layer(layer);
      numeric.layer(layer);
    }
    const logits = numeric.logits();
    return { answer: symbolic.answer().candidates, logits, ...greedy(logits) };
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
