/** The scan head of one layer and KV head: for every token of a chunk, a mean over all cells up to its own. */

import { NOTHING, type Plane, RUN } from "./cells.ts";
import { type Places, RUN_SUM } from "./runs.ts";
import { carries, copiesOf, layersOf, SIGHTING_AMPLITUDE, SIGHTINGS, type TracerShape } from "./shape.ts";
import { BASE, FIRST, PAYLOADS } from "./vocabulary.ts";

/**
 * @param start position of the chunk's first token
 * @param seen what each token of the chunk has seen, SIGHTINGS numbers a token: to be added to
 * @param first position of the first cell that a position sees
 */
export function addSightings(
  shape: TracerShape,
  head: number,
  plane: Plane,
  places: Places,
  start: number,
  seen: Float64Array,
  first: (position: number) => number,
): void {
  const { slots, length } = places;
  const channels = carried(shape, head);
  const whole = 1 / (layersOf(shape) * copiesOf(shape));
  const sum = new Float64Array(SIGHTINGS);
  let from = first(start);
  let position = from;
  while (position < start) {
    const run = places.runAt(position);
    if (run === NOTHING) addCell(sum, 0, plane, slots[position++]!);
    else {
      addRun(sum, plane, run);
      position += RUN;
    }
  }
  for (; position < length; position++) {
    addCell(sum, 0, plane, slots[position]!);
    for (; from < first(position); from++) addCell(sum, 0, plane, slots[from]!, -1);
    const own = (position - start) * SIGHTINGS;
    const share = whole / (position + 1 - from);
    for (let i = 0; i < channels.length; i++) seen[own + channels[i]!]! += share * sum[channels[i]!]!;
  }
}

function addRun(sum: Float64Array, plane: Plane, run: number): void {
  const { runSums, runKept } = plane;
  const at = run * SIGHTINGS;
  if ((runKept[run]! & RUN_SUM) === 0) {
    runSums.fill(0, at, at + SIGHTINGS);
    for (let slot = run * RUN; slot < (run + 1) * RUN; slot++) addCell(runSums, at, plane, slot);
    runKept[run]! |= RUN_SUM;
  }
  for (let i = 0; i < SIGHTINGS; i++) sum[i]! += runSums[at + i]!;
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

const CARRIED: (readonly number[])[][] = [];

/** Sighting channels that a head carries. */
function carried(shape: TracerShape, head: number): readonly number[] {
  CARRIED[shape.kvHeads] ??= [];
  CARRIED[shape.kvHeads]![head] ??= Array.from({ length: SIGHTINGS }, (_, i) => i).filter((i) =>
    carries(shape, head, Math.floor(i / BASE), i % BASE),
  );
  return CARRIED[shape.kvHeads]![head]!;
}
