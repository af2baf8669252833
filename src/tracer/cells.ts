/**
 * KV cells as symbols: what each cell's key and value stand for, instead of their numbers.
 *
 * In this model a key says only where it was written (its rotary phase) and, in layer 0, whether its token was a narrow
 * read; a value says which token it was written for and, from layer 2 on, what that position had seen in the layers
 * below. So these few numbers a cell decide every answer, whatever the engine did to the cells: see `predict.ts`.
 */

import { SIGHTINGS, type TracerShape } from "./shape.ts";
import { tokenKind } from "./vocabulary.ts";

/** A key or value that holds zeros: never written. */
export const NOTHING = -1;

/** The cells of one layer and KV head, by slot (the place in the pool where a cell lies). */
export interface Plane {
  /** Position that the key was computed for, or NOTHING. */
  readonly keyPosition: Int32Array;
  /** 1 where the key is that of a narrow read token; only layer 0 attends to it. */
  readonly keyFlag: Uint8Array;
  /** Token that the value was computed for, or NOTHING. */
  readonly valueToken: Int32Array;
  /** From layer 2 on: what the value's position had seen below, SIGHTINGS numbers a slot. */
  readonly valueSightings: Float32Array | null;
}

/** Which half of a cell an operation is about. */
export type CellPart = "key" | "value" | "both";

/** A pool of cells: `slots` places in each layer and KV head. */
export class CellStore {
  readonly shape: TracerShape;
  readonly slots: number;
  /** By layer, then KV head. Layer 0 fetches the request; layers 1 .. readLayers hold digits. */
  readonly planes: readonly (readonly Plane[])[];

  constructor(shape: TracerShape, slots: number) {
    this.shape = shape;
    this.slots = slots;
    this.planes = Array.from({ length: shape.readLayers + 1 }, (_, layer) =>
      Array.from({ length: shape.kvHeads }, () => ({
        keyPosition: new Int32Array(slots).fill(NOTHING),
        keyFlag: new Uint8Array(slots),
        valueToken: new Int32Array(slots).fill(NOTHING),
        valueSightings: layer >= 2 ? new Float32Array(slots * SIGHTINGS) : null,
      })),
    );
  }

  get layers(): number {
    return this.planes.length;
  }

  /** Writes one cell in one layer, as computing `token` at `position` does; `seen` is what the layers below saw. */
  write(layer: number, slot: number, position: number, token: number, seen: Float64Array): void {
    const flag = tokenKind(token).kind === "narrow" ? 1 : 0;
    for (const plane of this.planes[layer]!) {
      plane.keyPosition[slot] = position;
      plane.keyFlag[slot] = flag;
      plane.valueToken[slot] = token;
      plane.valueSightings?.set(seen, slot * SIGHTINGS);
    }
  }

  /** Copies a cell of one layer (all KV heads, or one) from another store: what transfers, loads and mix-ups do. */
  copy(layer: number, slot: number, from: CellStore, fromSlot: number, part: CellPart = "both", head?: number): void {
    for (const [h, plane] of this.planes[layer]!.entries()) {
      if (head !== undefined && h !== head) continue;
      const source = from.planes[layer]![h]!;
      if (part !== "value") {
        plane.keyPosition[slot] = source.keyPosition[fromSlot]!;
        plane.keyFlag[slot] = source.keyFlag[fromSlot]!;
      }
      if (part !== "key") {
        plane.valueToken[slot] = source.valueToken[fromSlot]!;
        const start = fromSlot * SIGHTINGS;
        if (plane.valueSightings && source.valueSightings)
          plane.valueSightings.set(source.valueSightings.subarray(start, start + SIGHTINGS), slot * SIGHTINGS);
      }
    }
  }

  /** Fills a cell of one layer with zeros. */
  zero(layer: number, slot: number, part: CellPart = "both", head?: number): void {
    for (const [h, plane] of this.planes[layer]!.entries()) {
      if (head !== undefined && h !== head) continue;
      if (part !== "value") {
        plane.keyPosition[slot] = NOTHING;
        plane.keyFlag[slot] = 0;
      }
      if (part !== "key") {
        plane.valueToken[slot] = NOTHING;
        plane.valueSightings?.fill(0, slot * SIGHTINGS, (slot + 1) * SIGHTINGS);
      }
    }
  }
}
