/** A prompt whose cells are computed once, donors of foreign cells, and what a read answers over damaged cells. */

import { seededRandom } from "../../src/random.ts";
import type { CellPart } from "../../src/tracer/cells.ts";
import { greedy, type NumericCells, NumericPass, type ReferenceModel } from "../../src/tracer/reference/forward.ts";
import { GROUPS, groupsOf, narrowToken, payloadRun, scanToken } from "../../src/tracer/vocabulary.ts";

/** Cells that a read token and its answer need behind the prompt. */
const ANSWER_ROOM = 8;
/** Cells that a donor has of its own; before them it has the prompt's, as with a shared prefix. */
const DONOR_CELLS = 128;

/**
 * Whose cells a donor has.
 * - `foreign`: a family that differs from the prompt's in all three digit groups.
 * - `near`: a family with one digit group that the prompt does not have.
 * - `same`: the prompt's own family, another payload.
 * - `asking`: the family of `foreign`, and every cell is a narrow read token.
 */
export type DonorName = "foreign" | "near" | "same" | "asking";

export interface Answer {
  readonly token: number;
  /** Distance to the runner-up, nats. */
  readonly margin: number;
}

export class Subject {
  readonly model: ReferenceModel;
  /** Payload cells before the read token. */
  readonly length: number;
  readonly payload: Int32Array;
  readonly scan: number;
  readonly cells: NumericCells;
  readonly donors: ReadonlyMap<DonorName, NumericCells>;
  /** Positions that donors have cells of their own for: from here to `length`. */
  readonly donorStart: number;
  readonly #slots: Int32Array;

  constructor(model: ReferenceModel, length: number, seed: number) {
    const random = seededRandom(seed);
    this.model = model;
    this.length = length;
    this.#slots = Int32Array.from({ length: length + ANSWER_ROOM }, (_, i) => i);
    const family = random.int(0, GROUPS ** 3 - 1);
    const neighbour = shifted(family, [1, 0, 0]);
    const half = length >> 1;
    const run = (of: number, cells: number) => payloadRun(random.int(0, 1e9), of, cells);
    this.payload = Int32Array.of(...run(family, half), ...run(neighbour, length - half));
    this.scan = scanToken([family, neighbour]);
    this.cells = model.cells(this.#slots.length);
    this.#compute(this.cells, 0, this.payload);

    const own = Math.min(DONOR_CELLS, length);
    this.donorStart = length - own;
    const asking = Int32Array.from({ length: own }, () => narrowToken(random.int(1, own)));
    this.donors = new Map<DonorName, NumericCells>([
      ["foreign", this.#donor(run(shifted(family, [2, 2, 2]), own))],
      ["near", this.#donor(run(shifted(family, [0, 0, 2]), own))],
      ["same", this.#donor(run(family, own))],
      ["asking", this.#donor(asking)],
    ]);
  }

  #donor(tokens: Int32Array): NumericCells {
    const cells = this.model.cells(this.length);
    for (let layer = 0; layer < this.model.layers.length; layer++) {
      for (let slot = 0; slot < this.donorStart; slot++) cells.copy(layer, slot, this.cells, slot);
    }
    this.#compute(cells, this.donorStart, tokens);
    return cells;
  }

  #compute(cells: NumericCells, start: number, tokens: ArrayLike<number>): Answer {
    const chunk = new NumericPass(this.model, cells, this.#slots, start, tokens);
    for (let layer = 0; layer < this.model.layers.length; layer++) chunk.layer(layer);
    return greedy(chunk.logits());
  }

  /** What follows when `token` is computed at `position`. */
  step(position: number, token: number): Answer {
    return this.#compute(this.cells, position, [token]);
  }

  /** Computes the prompt's own cells from `start` on once more, over what the cells before hold now. */
  recompute(start: number): void {
    this.#compute(this.cells, start, this.payload.subarray(start));
  }

  /** Keeps the cells of some slots; the returned function puts them back. */
  keep(slots: readonly number[]): () => void {
    const kept = this.model.cells(slots.length);
    const each = (act: (layer: number, index: number, slot: number) => void) => {
      for (let layer = 0; layer < this.model.layers.length; layer++) {
        for (const [index, slot] of slots.entries()) act(layer, index, slot);
      }
    };
    each((layer, index, slot) => kept.copy(layer, index, this.cells, slot));
    return () => each((layer, index, slot) => this.cells.copy(layer, slot, kept, index));
  }
}

/** Which cells are damaged: layers, a KV head or all, and half of the cell. */
export interface Damage {
  readonly layers: readonly number[];
  readonly head: number | undefined;
  readonly part: CellPart;
}

function shifted(family: number, by: readonly [number, number, number]): number {
  return groupsOf(family).reduce((sum, group, digit) => sum * GROUPS + ((group + by[digit]!) % GROUPS), 0);
}
