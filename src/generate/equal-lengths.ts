/**
 * Equal lengths: conversations of other content and the same number of cells, one after the other, and then some of them
 * again, in another order. Whatever knows a saved state, a batch row or a block by its size takes one for another.
 */

import fc from "fast-check";
import { anyAim } from "./aim.ts";
import { ELSEWHERE } from "./families.ts";
import { besideEdge, blocks, edge } from "./length.ts";
import type { TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { actGap, burstGap } from "./timing.ts";

export function equalLengths(limits: TraceLimits): fc.Arbitrary<Scene> {
  return edge(limits).chain((size) =>
    fc
      .record({
        length: blocks(limits, size, 0.6),
        off: besideEdge,
        /** One for all: an answer's cells are part of a conversation's length. */
        aim: anyAim,
        gaps: fc.array(burstGap, { minLength: 2, maxLength: 4 }),
        /** A conversation that has ended may be saved as a whole; one that runs is a neighbour. */
        oneAtATime: fc.boolean(),
        between: actGap,
        returns: fc.array(fc.record({ which: fc.nat(3), gap: burstGap, aim: anyAim }), { minLength: 1, maxLength: 3 }),
      })
      .map(({ length, off, aim, gaps, oneAtATime, between, returns }) => {
        const scene = new SceneWriter(limits, size);
        let at = 0;
        const send = (id: string, seg: string, gap: number, read: typeof aim) => {
          at += gap;
          scene.send(id, at, [seg], read);
          if (oneAtATime) scene.wait(id, at);
        };
        for (const [i, gap] of gaps.entries()) {
          scene.segment(`E${i}`, length * size + off, ELSEWHERE[i]!);
          send(`e${i}`, `E${i}`, gap, aim);
        }
        at += between;
        for (const [i, { which, gap, aim: read }] of returns.entries())
          send(`again${i}`, `E${which % gaps.length}`, gap, read);
        return scene.finish("equal-lengths");
      }),
  );
}
