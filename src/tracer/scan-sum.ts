/** The scan head of one layer and KV head: for every token of a chunk, a mean over all cells up to its own. */

import type { Plane } from "./cells.ts";
import { carries, copiesOf, layersOf, SIGHTING_AMPLITUDE, SIGHTINGS, type TracerShape } from "./shape.ts";
import { BASE, FIRST, PAYLOADS } from "./vocabulary.ts";

export class ScanSum {
  readonly #plane: Plane;
  readonly #share: number;
  /** Sighting channels that the head carries. */
  readonly #channels: readonly number[];
  readonly #sum = new Float64Array(SIGHTINGS);

  constructor(shape: TracerShape, head: number, plane: Plane) {
    this.#plane = plane;
    this.#share = 1 / (layersOf(shape) * copiesOf(shape));
    this.#channels = carried(shape, head);
  }

  /** @param seen what each token of the chunk has seen, SIGHTINGS numbers a token: to be added to */
  add(slots: ArrayLike<number>, start: number, seen: Float64Array): void {
    const length = start + seen.length / SIGHTINGS;
    const { valueToken, valueSightings } = this.#plane;
    const sum = this.#sum;
    const channels = this.#channels;
    for (let position = 0; position < length; position++) {
      const slot = slots[position]!;
      const token = valueToken[slot]!;
      if (token >= 0) {
        const payload = token >= FIRST.payload && token < FIRST.payload + PAYLOADS ? token - FIRST.payload : 0;
        // Channels that the head does not carry are summed too, and never told.
        sum[payload >> 8]! += SIGHTING_AMPLITUDE;
        sum[BASE + ((payload >> 4) & 15)]! += SIGHTING_AMPLITUDE;
        sum[2 * BASE + (payload & 15)]! += SIGHTING_AMPLITUDE;
      }
      if (valueSightings !== null) {
        const at = slot * SIGHTINGS;
        for (let i = 0; i < SIGHTINGS; i++) sum[i]! += valueSightings[at + i]!;
      }
      if (position < start) continue;
      const own = (position - start) * SIGHTINGS;
      const share = this.#share / (position + 1);
      for (const i of channels) seen[own + i]! += share * sum[i]!;
    }
  }
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
