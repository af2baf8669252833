/**
 * Prefix tree: one trunk, cut one cell before, on and one cell behind block edges, with suffixes of other families.
 * What a cache may share ends at a full block, and never holds the prompt's last token: the edges are where counts of
 * cached, computed and allocated cells go out of step.
 */

import fc from "fast-check";
import { anyAim } from "./aim.ts";
import { CENTRE, NEIGHBOURS } from "./families.ts";
import { besideEdge, blocks, edge, suffixLength } from "./length.ts";
import type { TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { actGap, burstGap } from "./timing.ts";

export function prefixTree(limits: TraceLimits): fc.Arbitrary<Scene> {
  return edge(limits).chain((size) => {
    const branch = fc.record({
      /** Edges back from the trunk's last: most branches leave at the end. */
      earlier: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
      ),
      off: besideEdge,
      suffix: fc.oneof({ weight: 6, arbitrary: suffixLength(size) }, { weight: 1, arbitrary: fc.constant(0) }),
      gap: burstGap,
      aim: anyAim,
    });
    return fc
      .record({
        trunk: blocks(limits, size, 0.6),
        branches: fc.array(branch, { minLength: 3, maxLength: 6 }),
        /** How long the first branch is alone: the others then hit its cells, or race it. */
        lead: actGap,
        again: fc.boolean(),
      })
      .map(({ trunk, branches, lead, again }) => {
        const scene = new SceneWriter(limits, size).segment("T", trunk * size + 1, CENTRE);
        let at = 0;
        for (const [i, { earlier, off, suffix, gap, aim }] of branches.entries()) {
          at += i === 1 ? lead : gap;
          const cut = { seg: "T", to: Math.max(1, trunk - earlier) * size + off };
          if (suffix > 0) scene.segment(`S${i}`, suffix, NEIGHBOURS[i]!);
          scene.send(`b${i}`, at, suffix > 0 ? [cut, `S${i}`] : [cut], aim);
        }
        if (again) scene.repeat("again", at + lead, "b0");
        return scene.finish("prefix-tree");
      });
  });
}
