/**
 * Conversation: each turn is the prompt before it, its answer, and more, as agents send them for hours. The engine finds
 * its own answers in the cache, where decode wrote them and not prefill. Some turns are given up and asked again, and
 * strangers come between that take what was evicted. One of them asks for cells by their digits.
 */

import fc from "fast-check";
import { anyAim, fillerAim } from "./aim.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "./families.ts";
import { besideEdge, blocks, edge, suffixLength } from "./length.ts";
import type { TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { share } from "./share.ts";
import { burstGap, cancelMoment } from "./timing.ts";

/** Along one axis of the cube: all of them in one prompt hide no family but their own. */
const SPEECHES = [NEIGHBOURS[0]!, NEIGHBOURS[3]!, NEIGHBOURS[6]!];
const MOST_TURNS = 1 + SPEECHES.length;

export function conversation(limits: TraceLimits): fc.Arbitrary<Scene> {
  return edge(limits).chain((size) => {
    const turn = fc.record({
      says: suffixLength(size),
      aim: anyAim,
      gap: burstGap,
      givenUp: fc.option(cancelMoment, { freq: 3 }),
      stranger: fc.option(fc.record({ length: blocks(limits, size, 0.5), aim: fillerAim }), { freq: 1 }),
    });
    return fc
      .record({
        opening: blocks(limits, size, 0.4),
        off: besideEdge,
        turns: fc.array(turn, { minLength: 2, maxLength: MOST_TURNS }),
        searched: fc.integer({ min: 2, max: 3 * size }),
        where: share,
      })
      .map(({ opening, off, turns, searched, where }) => {
        const scene = new SceneWriter(limits, size)
          .segment("P", opening * size + off, CENTRE)
          .segment("D", searched, ELSEWHERE[0]!, { distinct: true });
        let at = 0;
        for (const [i, { says, aim, gap, givenUp, stranger }] of turns.entries()) {
          const [before, id] = [`turn${i - 1}`, `turn${i}`];
          if (i > 0) scene.segment(`U${i}`, says, SPEECHES[i - 1]!).wait(before, at);
          at += gap;
          const say = (name: string): boolean =>
            i === 0 ? Boolean(scene.send(name, at, ["P"], aim)) : scene.reply(name, at, before, [`U${i}`], aim);
          if (givenUp && say(`${id}x`)) scene.cancel(`${id}x`, at, givenUp);
          if (!say(id)) break;
          if (stranger) {
            scene
              .segment(`X${i}`, stranger.length * size, ELSEWHERE[1 + i]!)
              .send(`x${i}`, at, [`X${i}`], stranger.aim);
          }
          if (i === 0) scene.send("search", at, ["D"], { kind: "find", where, tokens: 8 });
        }
        return scene.finish("conversation");
      });
  });
}
