/**
 * Passes that replace timing by order: a request that is sent when another has settled needs no clock to show the bug,
 * and shows it each time.
 */

import { calm, forArm, inSequence } from "../check/arms.ts";
import { isSend, type Trace } from "../trace/schema.ts";
import type { Pass } from "./search.ts";
import { tidy } from "./tidy.ts";

/**
 * All requests one at a time, without cancels if that will do: if it still fails, nothing that follows has to fight with
 * timing.
 */
export function* oneAtATime(trace: Trace): Pass {
  for (const serial of [calm(trace), forArm(trace, "serialised")]) {
    const candidate = tidy(serial);
    if (yield candidate) return candidate!;
  }
  return trace;
}

/** Each request by itself: those after it wait for it. */
export function* putInOrder(trace: Trace): Pass {
  let best = trace;
  for (const { send } of trace.steps.filter(isSend).slice(0, -1)) {
    const candidate = tidy(inSequence(best, (id) => id === send));
    if (yield candidate) best = candidate!;
  }
  return best;
}

/** Sends at which an earlier request may still be running. */
export function concurrentSends(trace: Trace): number {
  const running = new Set<string>();
  let count = 0;
  for (const step of trace.steps) {
    if ("wait" in step) running.delete(step.wait);
    if (!isSend(step)) continue;
    if (running.size > 0) count++;
    running.add(step.send);
  }
  return count;
}
