/**
 * Which family each segment takes.
 *
 * A scan allows the digit groups of its own prompt's families: position by position, their union. A foreign cell shows
 * if one of its groups lies outside. Families form a cube of 4 x 4 x 4, and two that differ in one digit only have a
 * union that hides no third. So segments that meet in one prompt take neighbouring places of the cube, and everything
 * else any other place.
 */

import { seededRandom } from "../random.ts";
import { FAMILIES, GROUPS } from "../tracer/vocabulary.ts";

/** A place in the cube relative to a scene's corner: a digit group for each digit, modulo 4. */
export type Spot = readonly [number, number, number];

const LEVELS = [0, 1, 2, 3];
const CUBE: readonly Spot[] = LEVELS.flatMap((x) => LEVELS.flatMap((y) => LEVELS.map((z): Spot => [x, y, z])));

const distance = (spot: Spot): number => spot.filter((level) => level !== 0).length;

/** The corner, for the segment that others are joined to. */
export const CENTRE: Spot = [0, 0, 0];
/** The nine neighbours of the centre: each can share a prompt with it and hides nothing. */
export const NEIGHBOURS: readonly Spot[] = [1, 2, 3].flatMap((n): Spot[] => [
  [n, 0, 0],
  [0, n, 0],
  [0, 0, n],
]);
/** The rest of the cube: for segments that have a prompt to themselves. */
export const ELSEWHERE: readonly Spot[] = CUBE.filter((spot) => distance(spot) > 1);

/** Corners, each with three neighbours: prompts of one corner and its neighbours hide nothing of another's. */
export const STARS = (
  [
    [0, 0, 0],
    [2, 2, 2],
    [0, 2, 0],
    [2, 0, 2],
  ] as const
).map(([x, y, z]): { readonly centre: Spot; readonly neighbours: readonly Spot[] } => ({
  centre: [x, y, z],
  neighbours: [
    [x + 1, y, z],
    [x, y + 1, z],
    [x, y, z + 1],
  ],
}));
/** Places beside the stars, for segments that have a prompt to themselves. */
export const APART: readonly Spot[] = CUBE.filter(
  (spot) => !STARS.some(({ centre, neighbours }) => [centre, ...neighbours].some((other) => `${other}` === `${spot}`)),
);

const TURNS: readonly Spot[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** The family at a spot, seen from a corner with the axes turned. */
function familyAt(corner: Spot, turn: Spot, spot: Spot): number {
  const level = (axis: 0 | 1 | 2): number => (corner[axis] + spot[turn[axis] as 0 | 1 | 2]) % GROUPS;
  return (level(0) * GROUPS + level(1)) * GROUPS + level(2);
}

/** Hands out families to one scene after the other, so that a trace's segments share as few as possible. */
export class FamilyPlan {
  private readonly used = new Array<number>(FAMILIES).fill(0);
  private readonly random: ReturnType<typeof seededRandom>;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Families for the spots of one scene, in their order: the whole figure moves and turns, its shape stays. */
  seat(spots: readonly Spot[]): number[] {
    const start = this.random.int(0, FAMILIES * TURNS.length - 1);
    let best: number[] = [];
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < FAMILIES * TURNS.length && least > 0; i++) {
      const choice = (start + i) % (FAMILIES * TURNS.length);
      const corner = CUBE[choice % FAMILIES]!;
      const turn = TURNS[Math.floor(choice / FAMILIES)]!;
      const families = spots.map((spot) => familyAt(corner, turn, spot));
      const shared = families.reduce((sum, family) => sum + this.used[family]!, 0);
      if (shared < least) {
        least = shared;
        best = families;
      }
    }
    for (const family of best) this.used[family]!++;
    return best;
  }
}
