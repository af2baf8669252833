/**
 * Dirty pool: prompts of many families fill the pool before anything else happens. A cell that is read too early, or
 * from the wrong block, then holds foreign digits, where a fresh pool would hold zeros that a scan does not see.
 */

import fc from "fast-check";
import { fillerAim } from "./aim.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "./families.ts";
import { payloadRoom, type TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { burstGap } from "./timing.ts";

const SPOTS = [CENTRE, ...NEIGHBOURS, ...ELSEWHERE];

export function dirtyPool(limits: TraceLimits): fc.Arbitrary<Scene> {
  const { count, length } = fillers(limits, 1, Math.max(2, Math.floor(limits.requests / 5)));
  const filler = fc.record({
    gap: burstGap,
    short: fc.integer({ min: 0, max: Math.floor(length / 8) }),
    aim: fillerAim,
  });
  return fc.array(filler, { minLength: count, maxLength: count }).map((list) => {
    const scene = new SceneWriter(limits, Math.max(16, limits.blockSize));
    let at = 0;
    for (const [i, { gap, short, aim }] of list.entries()) {
      at += gap;
      scene.segment(`F${i}`, length - short, SPOTS[i % SPOTS.length]!).send(`f${i}`, at, [`F${i}`], aim);
    }
    return scene.finish("dirty-pool");
  });
}

/**
 * How many prompts of which length it takes to put `fill` times the pool's cells through it, with at most `most`
 * prompts: fewer cells where the largest prompts are too small for that.
 */
export function fillers(
  limits: TraceLimits,
  fill: number,
  most: number,
): { readonly count: number; readonly length: number } {
  const room = payloadRoom(limits);
  const cells = Math.ceil(limits.poolCells * fill);
  // More and shorter prompts than need be, so that the pool holds many families.
  const count = Math.min(most, Math.max(Math.ceil(cells / room), Math.ceil(most / 2), 2));
  return { count, length: Math.min(room, Math.ceil(cells / count)) };
}
