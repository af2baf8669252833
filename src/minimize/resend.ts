/** The pass that sends a prompt again: what a victim reads may be what a request before it left behind half done. */

import { isSend, promptLength, type Step, type Trace } from "../trace/schema.ts";
import { fillersFor, longestFiller } from "./fillers.ts";
import { lengthened } from "./join.ts";
import { withoutRequests } from "./remove.ts";
import type { Pass } from "./search.ts";
import { tidy } from "./tidy.ts";

/** Moments, in ms after it was sent, at which the first one is given up: in the middle of a slow prefill, or of a fast one. */
const MOMENTS = [40, 80, 20, 10, 5, 2];
/** So much of the longest request is the victim's at least: the more chunks, the less the moment matters. */
const LONG = 0.6;
/** Requests of such a trace: two that fill the pool, a neighbour, the prompt that is given up, and the victim. */
const REQUESTS = 5;
/** Prompt and answer of the neighbour: long enough to run beside the next, short enough to leave it room. */
const NEIGHBOUR = { cells: 37, tokens: 48 };

/**
 * Only the victim, and before it the same prompt, given up in its prefill beside a neighbour, on a pool that others have
 * filled. Preemption in the prefill does the same, where the pool happens to be full: a cancel needs no such luck.
 * @param wronged the request that was answered wrongly
 * @param contextTokens the longest prompt and answer that a request may have
 */
export function* resend(trace: Trace, wronged: string | undefined, contextTokens: number): Pass {
  const sends = trace.steps.filter(isSend);
  const found = sends.find((s) => s.send === wronged);
  if (found === undefined || sends.length <= REQUESTS) return trace;
  const cells = sends.reduce((sum, s) => sum + promptLength(trace, s.prompt), 0);
  const enough = Math.min(Math.floor(LONG * contextTokens), cells);
  const missing = enough - promptLength(trace, found.prompt) - found.maxTokens;
  const longer = missing > 0 ? lengthened(trace, found.send, missing) : trace;
  const others = sends.filter((s) => s !== found).map((s) => s.send);
  const left = longer && withoutRequests(longer, others);
  if (left === null) return trace;
  const victim = left.steps.find(isSend)!;
  const { at } = victim;
  const length = Math.min(Math.ceil(cells / 2), longestFiller(contextTokens));
  const lengths = [length, length, Math.min(NEIGHBOUR.cells, length)];
  const { segments, sends: fillers } = fillersFor(left, victim, at, lengths);
  const [first, second, third] = fillers;
  const neighbour = { ...third!, send: "neighbour", maxTokens: NEIGHBOUR.tokens };
  for (const afterMs of MOMENTS) {
    const steps: Step[] = [
      first!,
      second!,
      { at, wait: second!.send },
      neighbour,
      { ...victim, send: "givenUp" },
      { at, cancel: "givenUp", afterMs },
      { at, wait: "givenUp" },
      victim,
    ];
    const candidate = tidy({
      ...left,
      ...(left.needs && { needs: { ...left.needs, contextTokens } }),
      segments: { ...left.segments, ...segments },
      steps,
    });
    if (yield candidate) return candidate!;
  }
  return trace;
}
