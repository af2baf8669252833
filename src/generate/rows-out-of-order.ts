/**
 * Rows out of order: more requests than run at once, with answers of different lengths, so that rows leave the middle of
 * the batch while others decode and new ones come in. State kept by row (sampling, positions, block tables) must move
 * with its request.
 */

import fc from "fast-check";
import { type Aim, anyAim } from "./aim.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "./families.ts";
import { edge, suffixLength } from "./length.ts";
import { burstSize, type TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { burstGap } from "./timing.ts";

const SPOTS = [CENTRE, ...NEIGHBOURS, ...ELSEWHERE];

export function rowsOutOfOrder(limits: TraceLimits): fc.Arbitrary<Scene> {
  const count = fc.integer({ min: burstSize(limits, 0), max: burstSize(limits, 2) });
  return fc.tuple(edge(limits), count).chain(([size, rows]) =>
    fc
      .record({
        row: fc.array(fc.record({ length: suffixLength(2 * size), gap: burstGap, aim: anyAim }), {
          minLength: rows,
          maxLength: rows,
        }),
        lengths: fc.shuffledSubarray(answerLengths(rows), { minLength: rows, maxLength: rows }),
      })
      .map(({ row, lengths }) => {
        const scene = new SceneWriter(limits, size);
        let at = 0;
        for (const [i, { length, gap, aim }] of row.entries()) {
          at += gap;
          const timed: Aim =
            aim.kind === "scan" ? { ...aim, tokens: lengths[i]! } : { ...aim, place: "start", tokens: lengths[i]! };
          scene.segment(`R${i}`, length + 1, SPOTS[i % SPOTS.length]!).send(`row${i}`, at, [`R${i}`], timed);
        }
        return scene.finish("rows-out-of-order");
      }),
  );
}

/** Answers from 3 to 48 tokens, as far apart from each other as can be. */
function answerLengths(rows: number): number[] {
  return Array.from({ length: rows }, (_, i) => 3 + Math.round((45 * i) / Math.max(1, rows - 1)));
}
