/** Passes that take whole things out of a trace: requests, cancels, other steps, segments and pieces of prompts. */

import { isCancel, isSend, type Part, type Step, type Trace } from "../trace/schema.ts";
import { type Pass, removeItems } from "./search.ts";
import { tidy } from "./tidy.ts";

/** Takes requests out, each with its cancels and waits. */
export function* dropRequests(trace: Trace): Pass {
  return yield* removeItems(trace, requestIds, withoutRequests);
}

/** Requests that are tried, one at a time, beside those that the anomaly names. */
const NEIGHBOURS = 8;

/**
 * Tries the requests that the anomaly names, before anything else: whose cells were read and who read them is most often
 * all that matters. Where it is not, a third that kept the engine busy will often do: the last ones before the victim.
 */
export function* keepSuspects(trace: Trace, suspects: readonly string[]): Pass {
  const ids = requestIds(trace);
  const named = ids.filter((id) => suspects.includes(id));
  if (named.length === 0 || named.length === ids.length) return trace;
  const only = (kept: readonly string[]) =>
    withoutRequests(
      trace,
      ids.filter((id) => !kept.includes(id)),
    );
  const alone = only(named);
  if (yield alone) return alone!;
  const before = ids.slice(0, ids.indexOf(named.at(-1)!)).filter((id) => !named.includes(id));
  for (const neighbour of before.slice(-NEIGHBOURS).reverse()) {
    const candidate = only([...named, neighbour]);
    if (yield candidate) return candidate!;
  }
  return trace;
}

export function* dropCancels(trace: Trace): Pass {
  return yield* removeItems(trace, (t) => t.steps.filter(isCancel), withoutSteps);
}

/** Waits, flushes and faults. */
export function* dropOtherSteps(trace: Trace): Pass {
  return yield* removeItems(trace, (t) => t.steps.filter((s) => !isSend(s) && !isCancel(s)), withoutSteps);
}

/** Takes a segment out of every prompt at once, since a shared prefix matters in all prompts or in none. */
export function* dropSegments(trace: Trace): Pass {
  return yield* removeItems(
    trace,
    (t) => Object.keys(t.segments),
    (t, gone) => withoutParts(t, (_, part) => "seg" in part && gone.includes(part.seg)),
  );
}

/** Takes single pieces out of single prompts. */
export function* dropParts(trace: Trace): Pass {
  return yield* removeItems(trace, partKeys, (t, gone) => withoutParts(t, (key) => gone.includes(key)));
}

/** Asks no special cache behaviour of the engine where none is needed. */
export function* dropCacheFlags(trace: Trace): Pass {
  return yield* removeItems(
    trace,
    (t) => t.steps.filter(isSend).filter((s) => s.cache !== undefined),
    (t, gone) => ({
      ...t,
      steps: t.steps.map((s) => {
        if (!isSend(s) || !gone.includes(s)) return s;
        const { cache: _, ...plain } = s;
        return plain;
      }),
    }),
  );
}

/** Every trace that lacks one element of this one: what the claim "nothing more can be taken away" rests on. */
export function withoutOneElement(trace: Trace): Trace[] {
  const candidates = [
    ...requestIds(trace).map((id) => withoutRequests(trace, [id])),
    ...trace.steps.filter((s) => !isSend(s)).map((s) => withoutSteps(trace, [s])),
    ...partKeys(trace).map((gone) => withoutParts(trace, (key) => key === gone)),
  ];
  return candidates.filter((t) => t !== null);
}

function requestIds(trace: Trace): string[] {
  return trace.steps.filter(isSend).map((s) => s.send);
}

export function withoutRequests(trace: Trace, gone: readonly string[]): Trace | null {
  const names = (s: Step) => (isSend(s) ? s.send : "cancel" in s ? s.cancel : "wait" in s ? s.wait : null);
  return withoutSteps(
    trace,
    trace.steps.filter((s) => {
      const id = names(s);
      return id !== null && gone.includes(id);
    }),
  );
}

function withoutSteps(trace: Trace, gone: readonly Step[]): Trace | null {
  const steps = trace.steps.filter((s) => !gone.includes(s));
  return steps.some(isSend) ? tidy({ ...trace, steps }) : null;
}

function partKeys(trace: Trace): string[] {
  return trace.steps.filter(isSend).flatMap((s) => s.prompt.slice(0, -1).map((_, i) => `${s.send} ${i}`));
}

function withoutParts(trace: Trace, isGone: (key: string, part: Part) => boolean): Trace | null {
  const steps = trace.steps.map((s) =>
    isSend(s)
      ? { ...s, prompt: s.prompt.filter((p, i) => i === s.prompt.length - 1 || !isGone(`${s.send} ${i}`, p)) }
      : s,
  );
  return tidy({ ...trace, steps });
}
