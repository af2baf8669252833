/** A prompt whose cells are computed once, donors of foreign cells, and what a read answers over damaged cells. */

import { seededRandom } from "../../src/random.ts";
import type { CellPart } from "../../src/tracer/cells.ts";
import { narrowRead } from "../../src/tracer/read-tokens.ts";
import {
  greedy,
  type NumericCells,
  NumericPass,
  type ReferenceAdapter,
  type ReferenceModel,
} from "../../src/tracer/reference/forward.ts";
import {
  BASE,
  branchToken,
  distinctRun,
  GROUPS,
  groupsOf,
  nonceToken,
  payloadRun,
  scanToken,
  TURNS,
} from "../../src/tracer/vocabulary.ts";

/** Cells that a read token and its answer need behind the prompt. */
const ANSWER_ROOM = 8;
/** Cells that a donor has of its own; before them it has the prompt's, as with a shared prefix. */
const DONOR_CELLS = 128;

/**
 * Whose cells a donor has.
 * - `foreign`: a family that differs from the prompt's in all three digit groups.
 * - `near`: a family with one digit group that the prompt does not have.
 * - `same`: the prompt's own family, another payload.
 * - `asking`: every cell is a token of a narrow read.
 * - `sibling`: the family of `foreign`; under a nonce the same one, and another branch.
 * - `adapter`: the prompt itself, computed under an adapter.
 *
 * Under a nonce all but the last two have another one, which differs in one digit.
 */
export type DonorName = "foreign" | "near" | "same" | "asking" | "sibling" | "adapter";

/** What the prompt is made of: payload alone, under a nonce and a branch, or cells of which each can be found. */
export type Kind = "plain" | "marked" | "distinct";

export interface Answer {
  readonly token: number;
  /** Distance to the runner-up, nats. */
  readonly margin: number;
}

export class Subject {
  readonly model: ReferenceModel;
  readonly #adapter: ReferenceAdapter;
  /** Cells before the read. */
  readonly length: number;
  /** The first that holds payload. */
  readonly firstPayload: number;
  readonly payload: Int32Array;
  readonly scan: number;
  readonly cells: NumericCells;
  readonly donors: ReadonlyMap<DonorName, NumericCells>;
  /** Positions that donors have cells of their own for: from here to `length`. */
  readonly donorStart: number;
  readonly #slots: Int32Array;

  constructor(model: ReferenceModel, adapter: ReferenceAdapter, length: number, seed: number, kind: Kind = "plain") {
    const random = seededRandom(seed);
    this.model = model;
    this.#adapter = adapter;
    this.length = length;
    this.#slots = Int32Array.from({ length: length + ANSWER_ROOM }, (_, i) => i);
    const family = random.int(0, GROUPS ** 3 - 1);
    const neighbour = shifted(family, [1, 0, 0]);
    const run = (of: number, cells: number) => [...payloadRun(random.int(0, 1e9), of, cells)];
    const nonce = random.int(0, BASE ** 2 - 1);
    const branch = random.int(0, BASE - 1);
    const marks = (own: boolean, of: number): number[] =>
      kind === "marked" ? [nonceToken(own ? nonce : nonce ^ (1 << random.int(0, 7))), branchToken(of)] : [];
    const prefix = marks(true, branch);
    this.firstPayload = prefix.length;
    const half = length >> 1;
    const cells =
      kind === "distinct"
        ? [...distinctRun(random.int(0, 1e9), family, length)]
        : [...prefix, ...run(family, half - prefix.length), ...run(neighbour, length - half)];
    this.payload = Int32Array.from(cells);
    this.scan = scanToken([family, neighbour]);
    this.cells = model.cells(this.#slots.length);
    this.#compute(this.cells, 0, this.payload);

    const own = Math.min(DONOR_CELLS, length);
    this.donorStart = Math.max(length - own, this.firstPayload);
    const asking = Array.from({ length: own }, () => narrowRead(random.int(1, own), TURNS - 1)).flat();
    const foreign = run(shifted(family, [2, 2, 2]), length);
    const other = (branch + 1 + random.int(0, BASE - 2)) % BASE;
    this.donors = new Map<DonorName, NumericCells>([
      ["foreign", this.#donor(marks(false, branch), foreign)],
      ["near", this.#donor(marks(false, branch), run(shifted(family, [0, 0, 2]), length))],
      ["same", this.#donor(marks(false, branch), run(family, length))],
      ["asking", this.#donor(marks(false, branch), asking)],
      ["sibling", this.#donor(marks(true, other), foreign)],
      ["adapter", this.#donor(prefix, cells.slice(this.donorStart), this.#adapter)],
    ]);
  }

  /** Cells of another prompt, at the same positions. */
  #donor(prefix: readonly number[], payload: readonly number[], adapter: ReferenceAdapter | null = null): NumericCells {
    const cells = this.model.cells(this.length);
    const start = this.donorStart;
    // Long prompts are the same up to where the donor's own cells begin, as with a shared prefix; its marks are not.
    const tokens = Int32Array.from([...this.payload.subarray(0, start), ...payload].slice(0, this.length));
    for (const [i, mark] of prefix.entries()) tokens[i] = mark;
    if (prefix.length > 0 || start === 0) this.#compute(cells, 0, tokens, adapter);
    else {
      for (let layer = 0; layer < this.model.layers.length; layer++) {
        for (let slot = 0; slot < start; slot++) cells.copy(layer, slot, this.cells, slot);
      }
      this.#compute(cells, start, tokens.subarray(start), adapter);
    }
    return cells;
  }

  #compute(
    cells: NumericCells,
    start: number,
    tokens: ArrayLike<number>,
    adapter: ReferenceAdapter | null = null,
  ): Answer {
    const chunk = new NumericPass(this.model, cells, this.#slots, start, tokens, 0, adapter);
    for (let layer = 0; layer < this.model.layers.length; layer++) chunk.layer(layer);
    return greedy(chunk.logits());
  }

  /** What follows when tokens are computed from `position` on. */
  step(position: number, tokens: readonly number[]): Answer {
    return this.#compute(this.cells, position, tokens);
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
