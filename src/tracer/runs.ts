/**
 * Runs of slots. Most cells are read many times and written once, so what the heads ask of each RUN of slots is found
 * out once, and kept while none of its cells changes.
 */

import { NOTHING, type Plane, RUN } from "./cells.ts";
import { FIRST } from "./vocabulary.ts";

/** What is kept of a run, as bits of `Plane.runKept`. The first two say what is kept, the others what is known. */
export const RUN_SUM = 1;
const RUN_TRAITS = 2;
/** Its keys were written for positions in a row. */
const IN_ORDER = 4;
/** A nonce or branch token is among its keys or values. */
export const MARKED = 8;
/** From layer 1 on: all its keys have the same marks, and none was computed under alarm. */
export const ALIKE = 16;
/** Layer 1: a key or a value has a question. */
export const ASKING = 32;

export const isNonce = (token: number): boolean => token >= FIRST.nonce && token < FIRST.branch;
export const isBranch = (token: number): boolean => token >= FIRST.branch && token < FIRST.bad;

/** Where the cells of a sequence lie, and which of them are whole runs. */
export class Places {
  readonly slots: ArrayLike<number>;
  readonly length: number;
  /** For each RUN of positions, from 0 on, as far as they were computed before: the run that they lie in, or NOTHING. */
  readonly #runs: Int32Array;

  /**
   * @param slots by position
   * @param start position of the first cell that is being computed
   * @param length positions in all
   */
  constructor(slots: ArrayLike<number>, start: number, length: number) {
    this.slots = slots;
    this.length = length;
    this.#runs = new Int32Array(Math.floor(start / RUN));
    for (let i = 0; i < this.#runs.length; i++) this.#runs[i] = runAt(slots, i * RUN);
  }

  /** The run that begins at a position; NOTHING where none does. */
  runAt(position: number): number {
    if (position % RUN !== 0) return NOTHING;
    return this.#runs[position / RUN] ?? NOTHING;
  }

  /** The slots of positions `first` .. `end - 1`, in order, but for those in runs without a trait. */
  slotsWith(trait: typeof MARKED | typeof ASKING, plane: Plane, first: number, end: number): number[] {
    const found: number[] = [];
    for (let position = first; position < end; ) {
      const run = this.runAt(position);
      if (run !== NOTHING && (traits(plane, run) & trait) === 0) position += RUN;
      else found.push(this.slots[position++]!);
    }
    return found;
  }

  /** The slots of positions `first` .. `end - 1` whose key was written for position `key`, in order. */
  slotsOfKey(key: number, plane: Plane, first: number, end: number): number[] {
    const found: number[] = [];
    for (let position = first; position < end; ) {
      const run = this.runAt(position);
      if (run !== NOTHING && (traits(plane, run) & IN_ORDER) !== 0) {
        const ahead = key - plane.keyPosition[run * RUN]!;
        if (ahead >= 0 && ahead < RUN) found.push(run * RUN + ahead);
        position += RUN;
      } else {
        const slot = this.slots[position++]!;
        if (plane.keyPosition[slot] === key) found.push(slot);
      }
    }
    return found;
  }
}

function runAt(slots: ArrayLike<number>, position: number): number {
  const first = slots[position]!;
  if (first % RUN !== 0) return NOTHING;
  for (let i = 1; i < RUN; i++) if (slots[position + i] !== first + i) return NOTHING;
  return first / RUN;
}

/** The traits of a run, as bits. */
export function traits(plane: Plane, run: number): number {
  if ((plane.runKept[run]! & RUN_TRAITS) === 0) plane.runKept[run]! |= RUN_TRAITS | findTraits(plane, run * RUN);
  return plane.runKept[run]!;
}

function findTraits(plane: Plane, first: number): number {
  const { keyPosition, keyToken, keyMarks, keyLost, keyQuestion, valueToken, valueQuestion } = plane;
  let found = IN_ORDER | ALIKE;
  for (let slot = first; slot < first + RUN; slot++) {
    if (keyPosition[slot] !== keyPosition[first]! + slot - first) found &= ~IN_ORDER;
    if (keyMarks[slot] !== keyMarks[first] || (keyLost[slot] ?? 0) !== 0) found &= ~ALIKE;
    const [key, value] = [keyToken[slot]!, valueToken[slot]!];
    if (isNonce(key) || isBranch(key) || isNonce(value) || isBranch(value)) found |= MARKED;
    if (keyQuestion[slot] || valueQuestion[slot]) found |= ASKING;
  }
  return found;
}
