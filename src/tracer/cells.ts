/**
 * KV cells as symbols: what each cell's key and value stand for, instead of their numbers.
 *
 * In this model a key says where it was written (its rotary phase), what its token is and which marks its prompt has; a
 * value says which token it was written for and what that position had seen in the layers below. So these few numbers a
 * cell decide every answer, whatever the engine did to the cells: see `predict.ts`.
 */

import type { Marks } from "./marks.ts";
import { layersOf, SIGHTINGS, type TracerShape } from "./shape.ts";

/** A key or value that holds zeros: never written. */
export const NOTHING = -1;

/** What a token of a read holds once layer 0 let it look at the token before it. */
export interface Question {
  /** Levels of the turn: its own, and the one it saw; 0 for none. */
  readonly turnLevel: number;
  readonly nearLevel: number;
  /** Phases, cosine and minus sine by turns, and the code of a find's digits. */
  readonly phases: Float64Array;
  readonly find: Float64Array;
  /** Steps of distance tokens, where it holds exactly one of them. */
  readonly far: number | null;
  readonly near: number | null;
}

/** Slots in a run, the first a multiple of it: see `runs.ts`. */
export const RUN = 16;

/** The cells of one layer and KV head, by slot (the place in the pool where a cell lies). */
export interface Plane {
  /** Position and token that the key was computed for, or NOTHING. */
  readonly keyPosition: Int32Array;
  readonly keyToken: Int32Array;
  /** From layer 1 on: the marks in the key; null for none. */
  readonly keyMarks: (Marks | null)[];
  /** From layer 2 on: how much of the alarm head's attention had left the sink one layer below, 0 .. 1. */
  readonly keyLost: Float64Array;
  /** Layer 1: the question whose levels the key has, and the one that the value has. */
  readonly keyQuestion: (Question | null)[];
  readonly valueQuestion: (Question | null)[];
  /** Token that the value stands for, or NOTHING. Under an adapter it has other digits than the key's. */
  readonly valueToken: Int32Array;
  /** From layer 1 on: what the value's position had seen below, SIGHTINGS numbers a slot. */
  readonly valueSightings: Float32Array | null;
  /** What a scan sums over each run of slots, SIGHTINGS numbers a run, and what is kept of each: see `runs.ts`. */
  readonly runSums: Float64Array;
  readonly runKept: Uint8Array;
}

/** What a position brings to a layer. */
export interface Written {
  readonly position: number;
  readonly token: number;
  /** The token that the value stands for: see `storedToken`. */
  readonly stored: number;
  /** What the layers below saw: SIGHTINGS numbers from `seenAt` on. */
  readonly seen: Float64Array;
  readonly seenAt: number;
  readonly marks: Marks | null;
  readonly lost: number;
  readonly question: Question | null;
}

/** Which half of a cell an operation is about. A latent cell has no halves: it is damaged as a whole. */
export type CellPart = "key" | "value" | "both";

/** A pool of cells: `slots` places in each layer and KV head. */
export class CellStore {
  readonly shape: TracerShape;
  readonly slots: number;
  /** By layer, then KV head. */
  readonly planes: readonly (readonly Plane[])[];

  constructor(shape: TracerShape, slots: number) {
    this.shape = shape;
    this.slots = slots;
    this.planes = Array.from({ length: layersOf(shape) }, (_, layer) =>
      Array.from({ length: shape.kvHeads }, () => ({
        keyPosition: new Int32Array(slots).fill(NOTHING),
        keyToken: new Int32Array(slots).fill(NOTHING),
        keyMarks: layer >= 1 ? new Array<Marks | null>(slots).fill(null) : [],
        keyLost: new Float64Array(layer >= 2 ? slots : 0),
        keyQuestion: layer === 1 ? new Array<Question | null>(slots).fill(null) : [],
        valueQuestion: layer === 1 ? new Array<Question | null>(slots).fill(null) : [],
        valueToken: new Int32Array(slots).fill(NOTHING),
        valueSightings: layer >= 1 ? new Float32Array(slots * SIGHTINGS) : null,
        runSums: new Float64Array(Math.floor(slots / RUN) * SIGHTINGS),
        runKept: new Uint8Array(Math.floor(slots / RUN)),
      })),
    );
  }

  get layers(): number {
    return this.planes.length;
  }

  /** Writes one cell in one layer, as computing a token does. */
  write(layer: number, slot: number, { position, token, stored, seen, seenAt, marks, lost, question }: Written): void {
    for (const plane of this.planes[layer]!) {
      plane.keyPosition[slot] = position;
      plane.keyToken[slot] = token;
      plane.valueToken[slot] = stored;
      plane.runKept[Math.floor(slot / RUN)] = 0;
      if (layer === 0) continue;
      plane.keyMarks[slot] = marks;
      const [to, at] = [plane.valueSightings!, slot * SIGHTINGS];
      for (let i = 0; i < SIGHTINGS; i++) to[at + i] = seen[seenAt + i]!;
      if (layer === 1) {
        plane.keyQuestion[slot] = question;
        plane.valueQuestion[slot] = question;
      } else plane.keyLost[slot] = lost;
    }
  }

  /** Copies a cell of one layer (all KV heads, or one) from another store: what transfers, loads and mix-ups do. */
  copy(layer: number, slot: number, from: CellStore, fromSlot: number, part: CellPart = "both", head?: number): void {
    for (const [h, plane] of this.planes[layer]!.entries()) {
      if (head !== undefined && h !== head) continue;
      const source = from.planes[layer]![h]!;
      plane.runKept[Math.floor(slot / RUN)] = 0;
      if (part !== "value") {
        plane.keyPosition[slot] = source.keyPosition[fromSlot]!;
        plane.keyToken[slot] = source.keyToken[fromSlot]!;
        if (layer >= 1) plane.keyMarks[slot] = source.keyMarks[fromSlot]!;
        if (layer >= 2) plane.keyLost[slot] = source.keyLost[fromSlot]!;
        if (layer === 1) plane.keyQuestion[slot] = source.keyQuestion[fromSlot]!;
      }
      if (part !== "key") {
        plane.valueToken[slot] = source.valueToken[fromSlot]!;
        if (layer === 1) plane.valueQuestion[slot] = source.valueQuestion[fromSlot]!;
        const [to, seen] = [plane.valueSightings, source.valueSightings];
        if (to === null || seen === null) continue;
        const [at, start] = [slot * SIGHTINGS, fromSlot * SIGHTINGS];
        for (let i = 0; i < SIGHTINGS; i++) to[at + i] = seen[start + i]!;
      }
    }
  }

  /** Copies `count` cells of one layer, of all KV heads, from another store: what moves whole blocks does. */
  copyRange(layer: number, slot: number, from: CellStore, fromSlot: number, count: number): void {
    for (const [head, plane] of this.planes[layer]!.entries()) {
      const source = from.planes[layer]![head]!;
      const end = fromSlot + count;
      plane.runKept.fill(0, Math.floor(slot / RUN), Math.ceil((slot + count) / RUN));
      plane.keyPosition.set(source.keyPosition.subarray(fromSlot, end), slot);
      plane.keyToken.set(source.keyToken.subarray(fromSlot, end), slot);
      plane.valueToken.set(source.valueToken.subarray(fromSlot, end), slot);
      if (layer === 0) continue;
      for (let i = 0; i < count; i++) plane.keyMarks[slot + i] = source.keyMarks[fromSlot + i]!;
      const seen = source.valueSightings!.subarray(fromSlot * SIGHTINGS, end * SIGHTINGS);
      plane.valueSightings!.set(seen, slot * SIGHTINGS);
      if (layer >= 2) plane.keyLost.set(source.keyLost.subarray(fromSlot, end), slot);
      else
        for (let i = 0; i < count; i++) {
          plane.keyQuestion[slot + i] = source.keyQuestion[fromSlot + i]!;
          plane.valueQuestion[slot + i] = source.valueQuestion[fromSlot + i]!;
        }
    }
  }

  /** Fills a cell of one layer with zeros. */
  zero(layer: number, slot: number, part: CellPart = "both", head?: number): void {
    for (const [h, plane] of this.planes[layer]!.entries()) {
      if (head !== undefined && h !== head) continue;
      plane.runKept[Math.floor(slot / RUN)] = 0;
      if (part !== "value") {
        plane.keyPosition[slot] = NOTHING;
        plane.keyToken[slot] = NOTHING;
        if (layer >= 1) plane.keyMarks[slot] = null;
        if (layer >= 2) plane.keyLost[slot] = 0;
        if (layer === 1) plane.keyQuestion[slot] = null;
      }
      if (part !== "key") {
        plane.valueToken[slot] = NOTHING;
        if (layer === 1) plane.valueQuestion[slot] = null;
        plane.valueSightings?.fill(0, slot * SIGHTINGS, (slot + 1) * SIGHTINGS);
      }
    }
  }
}
