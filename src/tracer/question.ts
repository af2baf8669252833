/** What a read asks, over symbolic cells: its tokens look at each other in layer 0, and layer 1 fetches the newest. */

import type { Plane, Question } from "./cells.ts";
import { distanceOf, farDistance, nearDistance } from "./read-tokens.ts";
import { ASKING, type Places } from "./runs.ts";
import { CODE, digitCode, FIND_NATS, PHASE_NATS, type PhasePair, phasePairs, TURN_NATS } from "./shape.ts";
import { digitsOf, type TokenKind, tokenKind } from "./vocabulary.ts";

/** Slots and how much of the attention each has. */
type Attention = readonly (readonly [slot: number, weight: number])[];

/** Attention below this, relative to the top, is nothing. */
const FAINT_NATS = 30;

function softmax(scores: readonly (readonly [slot: number, nats: number])[]): Attention {
  const top = scores.reduce((most, [, nats]) => Math.max(most, nats), Number.NEGATIVE_INFINITY);
  const near = scores
    .filter(([, nats]) => top - nats < FAINT_NATS)
    .map(([slot, nats]) => [slot, Math.exp(nats - top)] as const);
  const sum = near.reduce((total, [, weight]) => total + weight, 0);
  return near.map(([slot, weight]) => [slot, weight / sum] as const);
}

/** Slots whose key was written for a position, with equal shares; null if there is none. */
function exactly(plane: Plane, places: Places, length: number, position: number, first = 0): Attention | null {
  const exact = places.slotsOfKey(position, plane, first, length);
  return exact.length === 0 ? null : exact.map((slot) => [slot, 1 / exact.length] as const);
}

/** Adds the phases of a distance that a token spells, as far as that token fixes them. */
function addPhases(to: Float64Array, pairs: readonly PhasePair[], token: TokenKind, weight: number): void {
  if (token.kind !== "far" && token.kind !== "near") return;
  const distance = token.kind === "far" ? farDistance(token.step) : nearDistance(token.step);
  for (const [i, pair] of pairs.entries()) {
    if (pair.from !== token.kind) continue;
    to[2 * i]! += weight * Math.cos(pair.frequency * distance);
    to[2 * i + 1]! -= weight * Math.sin(pair.frequency * distance);
  }
}

const level = (turn: number): number => TURN_NATS.first / TURN_NATS.each + turn;

/** Layer 0, KV head 0: what a read's token holds after it looked at the token before it; null for all other tokens. */
export function questionOf(
  token: number,
  headSize: number,
  plane: Plane,
  places: Places,
  position: number,
): Question | null {
  const { slots } = places;
  const own = tokenKind(token);
  if (own.kind !== "far" && own.kind !== "near" && own.kind !== "turn" && own.kind !== "find") return null;
  const pairs = phasePairs(headSize);
  const phases = new Float64Array(2 * pairs.length);
  const find = new Float64Array(2 * CODE);
  addPhases(phases, pairs, own, 1);
  if (own.kind === "find") find.set(own.digits.flatMap(digitCode));
  const before =
    own.kind === "far"
      ? [[slots[position]!, 1] as const]
      : (exactly(plane, places, position + 1, position - 1) ??
        softmax(
          Array.from({ length: position + 1 }, (_, p) => {
            const key = plane.keyPosition[slots[p]!]!;
            let nats = 0;
            if (key >= 0) for (const { frequency } of pairs) nats += Math.cos(frequency * (position - key - 1));
            return [slots[p]!, PHASE_NATS * nats] as const;
          }),
        ));
  let nearLevel = 0;
  let far = 0;
  for (const [slot, weight] of before) {
    const seen = tokenKind(plane.valueToken[slot]!);
    if (seen.kind === "turn") nearLevel += weight * level(seen.turn);
    if (seen.kind !== "far") continue;
    addPhases(phases, pairs, seen, weight);
    far = seen.step;
  }
  const single = before.length === 1;
  return {
    turnLevel: own.kind === "turn" ? level(own.turn) : 0,
    nearLevel,
    phases,
    find,
    far: single && own.kind === "turn" ? far : null,
    near: own.kind === "near" ? own.step : null,
  };
}

/** What the newest read asks for, as layer 1 hands it to a position. */
export class Asked {
  readonly phases: Float64Array;
  readonly find: Float64Array;
  /** The distance that the phases spell, if they spell one. */
  readonly distance: number | null;
  readonly finds: boolean;

  private constructor(phases: Float64Array, find: Float64Array, distance: number | null) {
    this.phases = phases;
    this.find = find;
    this.distance = distance;
    this.finds = find.some((sign) => sign !== 0);
  }

  /** Null where nothing is asked. @param own what the asking position itself holds */
  static fetch(headSize: number, plane: Plane, places: Places, own: Question | null): Asked | null {
    const turns = newest(plane, places, "turnLevel");
    const nears = newest(plane, places, "nearLevel");
    if (own === null && turns.length === 0 && nears.length === 0) return null;
    const pairs = phasePairs(headSize);
    const phases = own ? own.phases.slice() : new Float64Array(2 * pairs.length);
    const find = own ? own.find.slice() : new Float64Array(2 * CODE);
    const { far, near } = channelsOf(headSize);
    const channels = valueChannels(far, near);
    for (const [slot, weight] of turns) {
      const values = channels(plane.valueQuestion[slot]!);
      for (const [i, channel] of far.entries()) phases[channel]! += weight * values[i]!;
    }
    for (const [slot, weight] of nears) {
      const values = channels(plane.valueQuestion[slot]!);
      for (const [i, channel] of near.entries()) phases[channel]! += weight * values[i]!;
      for (let i = 0; i < 2 * CODE; i++) find[i]! += weight * values[near.length + i]!;
    }
    if (phases.every((x) => x === 0) && find.every((x) => x === 0)) return null;
    const [turn, last] = [only(turns, plane), only(nears, plane)];
    const distance = turn && last && turn.far !== null && last.near !== null ? distanceOf(turn.far, last.near) : null;
    return new Asked(phases, find, distance);
  }
}

function only(attention: Attention, plane: Plane): Question | null {
  return attention.length === 1 ? plane.valueQuestion[attention[0]![0]]! : null;
}

/** Cells of the highest level share the attention. Where no key has a level all cells are seen alike. */
function newest(plane: Plane, places: Places, by: "turnLevel" | "nearLevel"): Attention {
  const flagged: (readonly [number, number])[] = [];
  const asking: number[] = [];
  for (const slot of places.slotsWith(ASKING, plane, 0, places.length)) {
    const levels = plane.keyQuestion[slot]?.[by] ?? 0;
    if (levels > 0) flagged.push([slot, TURN_NATS.each * levels]);
    if (plane.valueQuestion[slot] !== null) asking.push(slot);
  }
  return flagged.length > 0 ? softmax(flagged) : asking.map((slot) => [slot, 1 / places.length] as const);
}

interface PhaseChannels {
  readonly far: readonly number[];
  readonly near: readonly number[];
}

const CHANNELS = new Map<number, PhaseChannels>();

function channelsOf(headSize: number): PhaseChannels {
  const known = CHANNELS.get(headSize);
  if (known) return known;
  const from = (source: PhasePair["from"]): number[] =>
    phasePairs(headSize).flatMap((pair, i) => (pair.from === source ? [2 * i, 2 * i + 1] : []));
  const channels = { far: from("far"), near: from("near") };
  CHANNELS.set(headSize, channels);
  return channels;
}

/** The value's channels in layer 1: far phases share them with near phases and the find code. */
function valueChannels(far: readonly number[], near: readonly number[]): (question: Question | null) => Float64Array {
  return (question) => {
    const values = new Float64Array(Math.max(far.length, near.length + 2 * CODE));
    if (question === null) return values;
    for (const [i, channel] of far.entries()) values[i]! += question.phases[channel]!;
    for (const [i, channel] of near.entries()) values[i]! += question.phases[channel]!;
    for (let i = 0; i < 2 * CODE; i++) values[near.length + i]! += question.find[i]!;
    return values;
  };
}

/**
 * Attention of a read head of layers 2 .., for the last position. The exact key wins by 30 nats or more
 * wherever it is.
 * @param first position of the first cell that the layer sees
 */
export function readAttention(asked: Asked, headSize: number, plane: Plane, places: Places, first: number): Attention {
  const { slots, length } = places;
  const here = length - 1;
  if (asked.distance !== null && !asked.finds) {
    const exact = exactly(plane, places, length, here - asked.distance, first);
    if (exact) return exact;
  }
  const pairs = phasePairs(headSize);
  const seen = Array.from({ length: length - first }, (_, i) => slots[first + i]!);
  return softmax(seen.map((slot) => [slot, score(asked, pairs, plane, slot, here)] as const));
}

function score(asked: Asked, pairs: readonly PhasePair[], plane: Plane, slot: number, here: number): number {
  const position = plane.keyPosition[slot]!;
  if (position < 0) return 0;
  let phases = 0;
  for (const [i, { frequency }] of pairs.entries()) {
    const angle = frequency * (here - position);
    phases += asked.phases[2 * i]! * Math.cos(angle) - asked.phases[2 * i + 1]! * Math.sin(angle);
  }
  let signs = 0;
  if (asked.finds) {
    const [x, y] = digitsOf(plane.keyToken[slot]!);
    for (const [i, sign] of [...digitCode(x), ...digitCode(y)].entries()) signs += asked.find[i]! * sign;
  }
  return PHASE_NATS * phases + FIND_NATS * signs;
}
