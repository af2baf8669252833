/**
 * Pressure: a prefix is computed, fillers push it out of the pool, and then several suffixes ask for it at once. It
 * comes back from a lower tier, is computed anew, or is still there in part: each way, cells must be whole before
 * anyone reads them.
 */

import fc from "fast-check";
import { anyAim, fillerAim } from "./aim.ts";
import { fillers } from "./dirty-pool.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "./families.ts";
import { besideEdge, blocks, edge, suffixLength } from "./length.ts";
import type { TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { actGap, burstGap } from "./timing.ts";

export function pressure(limits: TraceLimits): fc.Arbitrary<Scene> {
  const fill = fc
    .constantFrom(1.1, 1.3, 1.8)
    .map((times) => fillers(limits, times, Math.max(2, Math.floor(limits.requests / 5))));
  return fc.tuple(edge(limits), fill).chain(([size, { count, length }]) => {
    const resend = fc.record({ suffix: suffixLength(size), gap: burstGap, aim: anyAim });
    return fc
      .record({
        prefix: blocks(limits, size, 0.6),
        off: besideEdge,
        first: fc.record({ suffix: suffixLength(size), aim: fillerAim }),
        /** What is in use is not pushed out: wait until the prefix is at rest, or race it. */
        rests: fc.boolean(),
        settle: actGap,
        fill: fc.array(fc.record({ gap: burstGap, aim: fillerAim }), { minLength: count, maxLength: count }),
        /** Wait until the last filler is done, or come while the pool is still full of running requests. */
        waits: fc.boolean(),
        rest: actGap,
        resends: fc.array(resend, { minLength: 2, maxLength: 4 }),
      })
      .map(({ prefix, off, first, rests, settle, fill, waits, rest, resends }) => {
        const scene = new SceneWriter(limits, size)
          .segment("P", prefix * size + off, CENTRE)
          .segment("S", first.suffix, NEIGHBOURS[0]!)
          .send("first", 0, ["P", "S"], first.aim);
        if (rests) scene.wait("first", 0);
        let at = rests ? 0 : settle;
        for (const [i, { gap, aim }] of fill.entries()) {
          at += gap;
          scene.segment(`F${i}`, length, ELSEWHERE[i % ELSEWHERE.length]!).send(`f${i}`, at, [`F${i}`], aim);
        }
        if (waits) scene.wait(`f${fill.length - 1}`, at);
        at += rest;
        for (const [i, { suffix, gap, aim }] of resends.entries()) {
          at += gap;
          scene.segment(`S${i}`, suffix, NEIGHBOURS[i + 1]!).send(`re${i}`, at, ["P", `S${i}`], aim);
        }
        return scene.finish("pressure");
      });
  });
}
