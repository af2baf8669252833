/**
 * Twins: the same prompt several times at once, and again. They race for one prefix that none of them has finished, they
 * share blocks by count, and their answers must be one. The third and fourth ask found what the second did not.
 */

import fc from "fast-check";
import { anyAim } from "./aim.ts";
import { CENTRE, NEIGHBOURS } from "./families.ts";
import { besideEdge, blocks, edge, suffixLength } from "./length.ts";
import { burstSize, type TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { burstGap, cancelMoment, shortDelay } from "./timing.ts";

export function twins(limits: TraceLimits): fc.Arbitrary<Scene> {
  const most = Math.min(5, burstSize(limits, 1));
  return edge(limits).chain((size) =>
    fc
      .record({
        prefix: blocks(limits, size, 0.6),
        off: besideEdge,
        suffix: fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: suffixLength(size) }),
        aim: anyAim,
        bursts: fc.array(fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 2, maxLength: most }), {
          minLength: 1,
          maxLength: 2,
        }),
        between: fc.oneof(burstGap, shortDelay),
        /** One of three or more may go: what its twins share must stay. */
        cancel: fc.option(cancelMoment, { freq: 2 }),
      })
      .map(({ prefix, off, suffix, aim, bursts, between, cancel }) => {
        const scene = new SceneWriter(limits, size).segment("P", prefix * size + off, CENTRE);
        if (suffix > 0) scene.segment("S", suffix, NEIGHBOURS[0]!);
        let at = 0;
        let sent = 0;
        for (const [b, gaps] of bursts.entries()) {
          if (b > 0) at += between;
          for (const gap of gaps) {
            at += gap;
            const id = `t${sent++}`;
            if (sent === 1) scene.send(id, at, suffix > 0 ? ["P", "S"] : ["P"], aim);
            else scene.repeat(id, at, "t0");
            if (sent === 1 && cancel && gaps.length > 2) scene.cancel(id, at, cancel);
          }
        }
        return scene.finish("twins");
      }),
  );
}
