/** The scan head of one layer and KV head: for every token of a chunk, a mean over all cells up to its own. */

import { type Plane, RUN } from "./cells.ts";
import { carries, copiesOf, layersOf, SIGHTING_AMPLITUDE, SIGHTINGS, type TracerShape } from "./shape.ts";
import { BASE, FIRST, PAYLOADS } from "./vocabulary.ts";

export class ScanSum {
  readonly #plane: Plane;
  readonly #share: number;
  /** Sighting channels that the head carries. */
  readonly #channels: readonly number[];
  readonly #sum = new Float64Array(SIGHTINGS);

  /** Position of the first cell that a position sees. */
  readonly #first: (position: number) => number;

  constructor(shape: TracerShape, head: number, plane: Plane, first: (position: number) => number) {
    this.#first = first;
    this.#plane = plane;
    this.#share = 1 / (layersOf(shape) * copiesOf(shape));
    this.#channels = carried(shape, head);
  }

  /** @param seen what each token of the chunk has seen, SIGHTINGS numbers a token: to be added to */
  add(slots: ArrayLike<number>, start: number, seen: Float64Array): void {
    const length = start + seen.length / SIGHTINGS;
    let from = this.#first(start);
    let position = from;
    while (position < start) {
      if (position + RUN <= start && isRun(slots, position)) {
        this.#addRun(slots[position]! / RUN);
        position += RUN;
      } else addCell(this.#sum, 0, this.#plane, slots[position++]!);
    }
    for (; position < length; position++) {
      addCell(this.#sum, 0, this.#plane, slots[position]!);
      for (; from < this.#first(position); from++) addCell(this.#sum, 0, this.#plane, slots[from]!, -1);
      const own = (position - start) * SIGHTINGS;
      const share = this.#share / (position + 1 - from);
      for (const i of this.#channels) seen[own + i]! += share * this.#sum[i]!;
    }
  }

  /** The sum over a run is kept for the steps to come: most cells are read many times and written once. */
  #addRun(run: number): void {
    const { runSums, runKept } = this.#plane;
    const at = run * SIGHTINGS;
    if (runKept[run] === 0) {
      runSums.fill(0, at, at + SIGHTINGS);
      for (let slot = run * RUN; slot < (run + 1) * RUN; slot++) addCell(runSums, at, this.#plane, slot);
      runKept[run] = 1;
    }
    for (let i = 0; i < SIGHTINGS; i++) this.#sum[i]! += runSums[at + i]!;
  }
}

function isRun(slots: ArrayLike<number>, position: number): boolean {
  const first = slots[position]!;
  if (first % RUN !== 0) return false;
  for (let i = 1; i < RUN; i++) if (slots[position + i] !== first + i) return false;
  return true;
}

/**
 * Adds a cell's digits and sightings, or takes them away. Channels that the head does not carry are summed too, and
 * never told.
 */
function addCell(
  sum: Float64Array,
  at: number,
  { valueToken, valueSightings }: Plane,
  slot: number,
  sign: 1 | -1 = 1,
): void {
  const token = valueToken[slot]!;
  if (token >= 0) {
    const payload = token >= FIRST.payload && token < FIRST.payload + PAYLOADS ? token - FIRST.payload : 0;
    const amplitude = sign * SIGHTING_AMPLITUDE;
    sum[at + (payload >> 8)]! += amplitude;
    sum[at + BASE + ((payload >> 4) & 15)]! += amplitude;
    sum[at + 2 * BASE + (payload & 15)]! += amplitude;
  }
  if (valueSightings === null) return;
  const from = slot * SIGHTINGS;
  for (let i = 0; i < SIGHTINGS; i++) sum[at + i]! += sign * valueSightings[from + i]!;
}

const CARRIED = new Map<string, readonly number[]>();

function carried(shape: TracerShape, head: number): readonly number[] {
  const key = `${shape.kvHeads} ${head}`;
  let channels = CARRIED.get(key);
  if (!channels) {
    channels = Array.from({ length: SIGHTINGS }, (_, i) => i).filter((i) =>
      carries(shape, head, Math.floor(i / BASE), i % BASE),
    );
    CARRIED.set(key, channels);
  }
  return channels;
}
