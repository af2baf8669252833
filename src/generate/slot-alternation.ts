/**
 * Slot alternation: more clients than slots, long prompts and short ones in turn, and then the beginning of a long one
 * again (P1, X, P2). A slot that served a long prompt serves a short one with the long one's cells still behind it, and
 * has to know where its own end.
 */

import fc from "fast-check";
import { anyAim } from "./aim.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "./families.ts";
import { besideEdge, blocks, edge, suffixLength } from "./length.ts";
import { burstSize, type TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { actGap, burstGap } from "./timing.ts";

export function slotAlternation(limits: TraceLimits): fc.Arbitrary<Scene> {
  const count = Math.min(8, burstSize(limits, 1));
  return edge(limits).chain((size) => {
    const client = fc.record({ gap: burstGap, aim: anyAim, short: suffixLength(size) });
    return fc
      .record({
        long: blocks(limits, size, 0.8),
        off: besideEdge,
        clients: fc.array(client, { minLength: count, maxLength: count }),
        between: actGap,
        returns: fc.array(client, { minLength: 1, maxLength: 2 }),
      })
      .map(({ long, off, clients, between, returns }) => {
        const scene = new SceneWriter(limits, size).segment("L", long * size + off, CENTRE);
        let at = 0;
        for (const [i, { gap, aim, short }] of clients.entries()) {
          at += gap;
          if (i === 0) scene.send("c0", at, ["L"], aim);
          else {
            const length = i % 2 === 0 ? long * size + off : short;
            scene.segment(`X${i}`, length, ELSEWHERE[i]!).send(`c${i}`, at, [`X${i}`], aim);
          }
        }
        at += between;
        for (const [i, { gap, aim, short }] of returns.entries()) {
          at += gap;
          const kept = { seg: "L", to: Math.ceil((long * size) / (i + 1)) + off };
          scene.segment(`N${i}`, short, NEIGHBOURS[i]!).send(`back${i}`, at, [kept, `N${i}`], aim);
        }
        return scene.finish("slot-alternation");
      });
  });
}
