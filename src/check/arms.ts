/** Control arms: the same trace with one thing changed. What still fails then tells the cause. */

import type { Arm } from "../history/schema.ts";
import { type CancelStep, isCancel, isSend, type Step, type Trace } from "../trace/schema.ts";

/**
 * The trace that an arm runs.
 * - `main`: the trace itself.
 * - `serialised`: one answer at a time: every send asks for one choice, and is followed by a wait for it.
 * - `no-cache`: every send asks the engine to leave its cache alone.
 * - `no-cancels`: nothing is cancelled.
 * - `fresh-server`: the trace itself; the caller restarts the target before it.
 */
export function forArm(trace: Trace, arm: Arm): Trace {
  switch (arm) {
    case "main":
    case "fresh-server":
      return trace;
    case "serialised":
      return inSequence(withOneChoice(trace), () => true);
    case "no-cache":
      return { ...trace, steps: trace.steps.map((s) => (isSend(s) ? { ...s, cache: false } : s)) };
    case "no-cancels":
      return { ...trace, steps: trace.steps.filter((s) => !isCancel(s)) };
  }
}

function withOneChoice(trace: Trace): Trace {
  const steps = trace.steps.map((step): Step => {
    if (!isSend(step)) return step;
    const { n: _, ...one } = step;
    return one;
  });
  return { ...trace, steps };
}

/** One request at a time and no cancels: what still fails needs no timing. */
export function calm(trace: Trace): Trace {
  return forArm(forArm(trace, "no-cancels"), "serialised");
}

/**
 * The trace with everything after a chosen request held back until it has settled.
 *
 * A wait holds back every step after it, so a cancel that stands later in the trace would find its request settled.
 * It moves to just behind its send, with the time that lay between them as its delay, and can still land. Waits for the
 * request that were there before say nothing new and go.
 */
export function inSequence(trace: Trace, chosen: (request: string) => boolean): Trace {
  const cancels = new Map<string, CancelStep[]>();
  for (const step of trace.steps) {
    if (isCancel(step)) cancels.set(step.cancel, [...(cancels.get(step.cancel) ?? []), step]);
  }
  const steps = trace.steps.flatMap((step): Step[] => {
    const about = isSend(step) ? step.send : isCancel(step) ? step.cancel : "wait" in step ? step.wait : null;
    if (about === null || !chosen(about)) return [step];
    if (!isSend(step)) return [];
    const own = (cancels.get(step.send) ?? []).map((cancel) => afterItsSend(cancel, step.at));
    return [step, ...own, { at: step.at, wait: step.send }];
  });
  return { ...trace, steps };
}

function afterItsSend(cancel: CancelStep, sentAt: number): CancelStep {
  const { afterMs, afterTokens, at } = cancel;
  if (afterTokens !== undefined) return { at: sentAt, cancel: cancel.cancel, afterTokens };
  return { at: sentAt, cancel: cancel.cancel, afterMs: Math.max(afterMs ?? 0, at - sentAt) };
}
