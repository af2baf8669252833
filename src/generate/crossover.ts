/**
 * Crossover: A C and B D, then B C and A D. The recombined prompts hold blocks of the same tokens after another prefix,
 * and at the same positions: a cache whose key forgets what came before takes them for the blocks it has.
 */

import fc from "fast-check";
import { anyAim } from "./aim.ts";
import type { Spot } from "./families.ts";
import { blocks, edge } from "./length.ts";
import type { TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { actGap, burstGap } from "./timing.ts";

/** A square in the cube of families: each pair that meets in a prompt differs in one digit. */
export const SQUARE: Readonly<Record<"A" | "B" | "C" | "D", Spot>> = {
  A: [0, 0, 0],
  C: [1, 0, 0],
  B: [1, 1, 0],
  D: [0, 1, 0],
};

const PAIRS = [
  ["A", "C"],
  ["B", "D"],
  ["B", "C"],
  ["A", "D"],
] as const;

export function crossover(limits: TraceLimits): fc.Arbitrary<Scene> {
  return edge(limits).chain((size) =>
    fc
      .record({
        head: blocks(limits, size, 0.45),
        tail: blocks(limits, size, 0.45),
        /** Seldom off the edge: then no block of a tail can match, and none must. */
        off: fc.constantFrom(0, 0, 0, 0, 1, -1),
        asks: fc.tuple(...PAIRS.map(() => fc.record({ gap: burstGap, aim: anyAim }))),
        between: actGap,
        again: fc.boolean(),
      })
      .map(({ head, tail, off, asks, between, again }) => {
        const scene = new SceneWriter(limits, size);
        for (const id of ["A", "B"] as const) scene.segment(id, head * size + off, SQUARE[id]);
        for (const id of ["C", "D"] as const) scene.segment(id, tail * size, SQUARE[id]);
        let at = 0;
        for (const [i, { gap, aim }] of asks.entries()) {
          at += i === 2 ? between : gap;
          scene.send(`q${i}`, at, PAIRS[i]!, aim);
        }
        if (again) scene.repeat("again", at, "q0");
        return scene.finish("crossover");
      }),
  );
}
