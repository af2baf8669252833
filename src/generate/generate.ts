/** Hostile traces from a seed. */

import fc from "fast-check";
import type { Trace } from "../trace/schema.ts";
import { anyAim } from "./aim.ts";
import { cancelAndRetry } from "./cancel-and-retry.ts";
import { conversation } from "./conversation.ts";
import { crossover } from "./crossover.ts";
import { withDice } from "./dice.ts";
import { dirtyPool } from "./dirty-pool.ts";
import { equalLengths } from "./equal-lengths.ts";
import { withForks } from "./forks.ts";
import { withLaps } from "./laps.ts";
import type { TraceLimits } from "./limits.ts";
import { sometimesMarked } from "./marks.ts";
import { withOptions } from "./options.ts";
import { prefixTree } from "./prefix-tree.ts";
import { pressure } from "./pressure.ts";
import { rowsOutOfOrder } from "./rows-out-of-order.ts";
import type { PatternName, Scene } from "./scene.ts";
import { share } from "./share.ts";
import { slotAlternation } from "./slot-alternation.ts";
import { type Act, requestsIn, type Script, stage } from "./stage.ts";
import { burstGap, cancelMoment } from "./timing.ts";
import { twins } from "./twins.ts";
import { withinWindow } from "./window.ts";

/** What each pattern sends, within the limits of a target. */
export const patterns: Readonly<Record<PatternName, (limits: TraceLimits) => fc.Arbitrary<Scene>>> = {
  "dirty-pool": dirtyPool,
  "prefix-tree": prefixTree,
  "cancel-and-retry": cancelAndRetry,
  pressure,
  crossover,
  twins,
  "rows-out-of-order": rowsOutOfOrder,
  "slot-alternation": slotAlternation,
  "equal-lengths": equalLengths,
  conversation,
};

/**
 * The trace of a seed. The same seed and limits give the same trace, byte for byte, on every machine; another release of
 * Crosstalk may give another.
 * @param seed any integer
 * @throws CrosstalkError INVALID_OPTION when the limits leave no room
 */
export function generateTrace(seed: number, limits: TraceLimits): Trace {
  // Without bias: it would draw every second number from the ends of its range, and delays and lengths are chosen here.
  const [script] = fc.sample(fc.noBias(scriptOf(limits)), { seed, numRuns: 1 });
  return traceOf({ ...script!, name: `seed ${seed}`, seed: seed >>> 0 }, limits);
}

/** The same traces as an arbitrary, for what shrinks. */
export function traceArbitrary(limits: TraceLimits): fc.Arbitrary<Trace> {
  return scriptOf(limits).map((script) => traceOf(script, limits));
}

/** What a script's seed decides beside what is sent when: nonces, second laps, dice, options and choices. */
function traceOf(script: Script, limits: TraceLimits): Trace {
  const { seed } = script;
  const asked = withLaps(sometimesMarked(stage(script, limits), seed), limits);
  const cut = withinWindow(asked, limits.window);
  const asking = withOptions(withDice(cut, limits.options, seed), limits.options, seed);
  return withForks(asking, limits, seed);
}

/** Patterns that a trace may go without: each trace takes some of them, so that each has its say. */
const OPTIONAL = [
  "prefix-tree",
  "pressure",
  "crossover",
  "rows-out-of-order",
  "slot-alternation",
  "equal-lengths",
  "conversation",
] as const;

/** No scene has fewer. */
const LEAST_REQUESTS = 2;

function scriptOf(limits: TraceLimits): fc.Arbitrary<Script> {
  const act = (scene: fc.Arbitrary<Scene>): fc.Arbitrary<Act> =>
    fc.record({
      scene,
      overlaps: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      pause: fc.constantFrom(0, 0.25, 0.5, 1, 2),
    });
  const pattern = (name: PatternName): fc.Arbitrary<Act> => act(patterns[name](limits));
  const scenes = Math.ceil(limits.requests / LEAST_REQUESTS);
  const free = fc.subarray([...OPTIONAL], { minLength: 3 }).chain((some) =>
    fc.array(
      fc.oneof(...[...some, "twins" as const, "cancel-and-retry" as const, "cancel-and-retry" as const].map(pattern)),
      {
        minLength: scenes,
        maxLength: scenes,
      },
    ),
  );
  return fc
    .record({
      dirty: fc.oneof({ weight: 9, arbitrary: pattern("dirty-pool") }, { weight: 1, arbitrary: fc.constant(null) }),
      // Without twins and cancels two laws could not fail: every trace has both.
      twins: pattern("twins"),
      cancel: pattern("cancel-and-retry"),
      places: fc.tuple(share, share),
      free,
      sprinkles: fc.array(fc.record({ which: share, moment: cancelMoment }), {
        minLength: 0,
        maxLength: Math.ceil(limits.requests / 4),
      }),
      revisits: fc.array(fc.record({ which: share, gap: burstGap, aim: anyAim }), {
        minLength: 1,
        maxLength: 4,
      }),
      flush: limits.supportsFlush ? fc.constantFrom(true, false, false, false, false) : fc.constant(false),
      seed: fc.nat(0xffffffff),
    })
    .map(({ dirty, twins: pair, cancel, places, free: more, sprinkles, revisits, flush, seed }) => {
      const acts = dirty ? [dirty] : [];
      const wanted = limits.requests - revisits.length - count([...acts, pair, cancel]);
      const chosen = whileRoom(more, wanted);
      for (const [i, special] of [pair, cancel].entries()) {
        chosen.splice(Math.round(places[i]! * chosen.length), 0, special);
      }
      return { name: "arbitrary", acts: [...acts, ...chosen], sprinkles, revisits, flush, seed };
    });
}

function count(acts: readonly Act[]): number {
  return acts.reduce((sum, act) => sum + requestsIn(act.scene), 0);
}

/** The first scenes, whole, that hold about this many requests. */
function whileRoom(acts: readonly Act[], requests: number): Act[] {
  const chosen: Act[] = [];
  let room = requests;
  for (const act of acts) {
    const next = requestsIn(act.scene);
    if (next > room + 1) continue;
    chosen.push(act);
    room -= next;
    if (room < LEAST_REQUESTS) break;
  }
  return chosen;
}
