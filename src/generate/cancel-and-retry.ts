/**
 * Cancel and retry: a request is cancelled while it waits, prefills or answers; the same prefix comes again at once,
 * and victims of other families take the cells that were freed. What still writes into those cells, or is believed to
 * have been written, shows in the retry or in a victim.
 */

import fc from "fast-check";
import { anyAim, longAim } from "./aim.ts";
import { CENTRE, ELSEWHERE, NEIGHBOURS } from "./families.ts";
import { besideEdge, blocks, edge, longPrefix, suffixLength } from "./length.ts";
import type { TraceLimits } from "./limits.ts";
import { type Scene, SceneWriter } from "./scene.ts";
import { cancelMoment, roughMs } from "./timing.ts";

/** Between a cancel and what follows it. */
const atOnce = fc.constantFrom(0, 0, 0, 1, 2);

export function cancelAndRetry(limits: TraceLimits): fc.Arbitrary<Scene> {
  return edge(limits).chain((size) => {
    const victim = fc.record({ gap: atOnce, shorter: fc.integer({ min: 0, max: size }), aim: anyAim });
    const round = fc.record({
      moment: cancelMoment,
      /** After tokens, the moment is the engine's: wait for it, or guess. */
      waits: fc.boolean(),
      sameSuffix: fc.boolean(),
      gap: atOnce,
      aim: longAim,
      victims: fc.array(victim, { minLength: 0, maxLength: 2 }),
    });
    return fc
      .record({
        // Long ones more often than elsewhere: a prefill of several chunks can be cancelled between two of them.
        prefix: fc.oneof(blocks(limits, size, 0.7), longPrefix(limits, size)),
        off: besideEdge,
        suffixes: fc.tuple(suffixLength(size), suffixLength(size)),
        rounds: fc.array(round, { minLength: 1, maxLength: 4 }),
        /** All at once: victims wait in the queue when the cancels come. Otherwise each round follows its cancel. */
        storm: fc.boolean(),
        first: victim,
        last: anyAim,
      })
      .map(({ prefix, off, suffixes, rounds, storm, first, last }) => {
        const length = prefix * size + off;
        const scene = new SceneWriter(limits, size)
          .segment("P", length, CENTRE)
          .segment("S0", suffixes[0], NEIGHBOURS[0]!)
          .segment("S1", suffixes[1], NEIGHBOURS[1]!);
        let at = 0;
        let victims = 0;
        let suffix = 0;
        for (const [i, { moment, waits, sameSuffix, gap, aim, victims: some }] of rounds.entries()) {
          scene.send(`x${i}`, at, ["P", `S${suffix}`], aim).cancel(`x${i}`, at, moment);
          if (!storm && "afterTokens" in moment && waits) scene.wait(`x${i}`, at);
          else if (!storm) at += roughMs(moment);
          at += gap;
          for (const v of i === 0 ? [first, ...some] : some) {
            const id = `V${victims}`;
            at += v.gap;
            // As long as the cancelled request, or a little less: it takes the very cells that were freed.
            scene
              .segment(id, length + suffixes[suffix]! - v.shorter, ELSEWHERE[victims]!)
              .send(`v${victims++}`, at, [id], v.aim);
          }
          if (!sameSuffix) suffix = 1 - suffix;
        }
        return scene.send("retry", at, ["P", `S${suffix}`], last).finish("cancel-and-retry");
      });
  });
}
