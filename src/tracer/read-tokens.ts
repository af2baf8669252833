/**
 * Reads, as the tokens that end a prompt.
 *
 * - `scan.S` alone.
 * - `dice.l` alone.
 * - `turn.t find.xy`.
 * - `far.a turn.t near.b` for a narrow read: the distance from `near` to the cell, and which turn of the conversation
 *   asks. A position attends to the newest turn, so each later read needs a higher one.
 */

import {
  FAR_PERIOD,
  FAR_STEPS,
  FIRST,
  NEAR_PERIOD,
  NEAR_STEPS,
  type TokenKind,
  TURNS,
  tokenKind,
} from "./vocabulary.ts";

/** Tokens of a narrow read. */
export const NARROW_TOKENS = 3;
/** Tokens of a find read. */
export const FIND_TOKENS = 2;

/** How far one step of each distance token goes, in cells. */
const NEAR_CELLS = NEAR_PERIOD / NEAR_STEPS;
const FAR_CELLS = FAR_PERIOD / FAR_STEPS;
/**
 * A read asks for a distance this much larger than a whole number: if the right key is missing, its two neighbours
 * mostly do not tie, and the answer shows the older one.
 */
const OFFSET = 1 / 16;

/** The distance that a token of this kind stands for, in cells: what its phases are. */
export function farDistance(step: number): number {
  return step * FAR_CELLS;
}
export function nearDistance(step: number): number {
  return step * NEAR_CELLS;
}

/**
 * Asks for the cells from `back` cells before the read on.
 * @param turn how many narrow and find reads stand before this one in the prompt
 */
export function narrowRead(back: number, turn = 0): readonly [number, number, number] {
  const distance = back + NARROW_TOKENS - 1;
  const near = Math.round((distance + OFFSET) / NEAR_CELLS) % NEAR_STEPS;
  return [FIRST.far + Math.round(distance / FAR_CELLS), turnToken(turn), FIRST.near + near];
}

/** Asks for the one payload token whose first two digits are these. */
export function findRead(digits: readonly [number, number], turn = 0): readonly [number, number] {
  return [turnToken(turn), FIRST.find + 16 * digits[0] + digits[1]];
}

function turnToken(turn: number): number {
  if (turn >= TURNS) throw new RangeError(`turn ${turn} of ${TURNS}`);
  return FIRST.turn + turn;
}

/** The distance that `far` and `near` spell together, counted from `near`; null if they do not fit. */
export function distanceOf(far: number, near: number): number | null {
  const wraps = Math.round((farDistance(far) - nearDistance(near)) / NEAR_PERIOD);
  const distance = Math.round(wraps * NEAR_PERIOD + nearDistance(near) - OFFSET);
  const [, , spelled] = distance < NARROW_TOKENS - 1 ? [0, 0, -1] : narrowRead(distance - NARROW_TOKENS + 1);
  return spelled === FIRST.near + near && Math.round(distance / FAR_CELLS) === far ? distance : null;
}

/** The read that ends a prompt. */
export type PromptRead =
  | { readonly read: "scan"; readonly tokens: 1 }
  | { readonly read: "dice"; readonly tokens: 1; readonly ladder: number }
  | { readonly read: "narrow"; readonly tokens: 3; readonly back: number }
  | { readonly read: "find"; readonly tokens: 2; readonly digits: readonly [number, number] };

/** Null where the prompt does not end with a read. */
export function readOf(prompt: ArrayLike<number>): PromptRead | null {
  const at = (fromEnd: number): TokenKind => tokenKind(prompt[prompt.length - fromEnd] ?? -1);
  const last = at(1);
  if (last.kind === "scan") return { read: "scan", tokens: 1 };
  if (last.kind === "dice") return { read: "dice", tokens: 1, ladder: last.ladder };
  if (at(2).kind !== "turn") return null;
  if (last.kind === "find") return { read: "find", tokens: FIND_TOKENS, digits: last.digits };
  const far = at(3);
  if (last.kind !== "near" || far.kind !== "far") return null;
  const distance = distanceOf(far.step, last.step);
  return distance === null ? null : { read: "narrow", tokens: NARROW_TOKENS, back: distance - NARROW_TOKENS + 1 };
}
