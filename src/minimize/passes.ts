/** The passes, from coarse to fine. Each keeps only what still fails; a fine one changes details. */

import { fillPool } from "./fill.ts";
import { joinRequests } from "./join.ts";
import { canonicalFamilies, canonicalNames, canonicalSeeds } from "./names.ts";
import { dropOptions } from "./options.ts";
import {
  dropCacheFlags,
  dropCancels,
  dropOtherSteps,
  dropParts,
  dropRequests,
  dropSegments,
  keepSuspects,
} from "./remove.ts";
import { resend } from "./resend.ts";
import { roundTimes, shortenDelays } from "./retime.ts";
import { dropRetimed } from "./retimed.ts";
import type { PassOf } from "./search.ts";
import { oneAtATime, putInOrder } from "./sequence.ts";
import { mergeSegments, nearReads, shortenAnswers, shortenPrompts } from "./shorten.ts";

/**
 * How a pass goes down. `leap`: each candidate would spare many others, and most of them fail no more: a few runs each, and
 * again when the trace is smaller. `coarse`: whole requests and pieces. `fine`: details.
 */
export type PassStep = "leap" | "coarse" | "fine";

export interface NamedPass {
  readonly name: string;
  readonly step: PassStep;
  readonly pass: PassOf;
}

/**
 * @param suspects requests that the anomaly names
 * @param contextTokens the longest prompt and answer that a request may have
 */
export const passesFor = (suspects: readonly string[], contextTokens: number): readonly NamedPass[] => [
  // Before the suspects: those of a failure that needs no timing may be others than those of the one that was seen.
  { name: "one at a time", step: "coarse", pass: oneAtATime },
  { name: "keep suspects", step: "leap", pass: (trace) => keepSuspects(trace, suspects) },
  { name: "fill the pool", step: "leap", pass: (trace) => fillPool(trace, suspects[0], contextTokens) },
  { name: "send again", step: "leap", pass: (trace) => resend(trace, suspects[0], contextTokens) },
  { name: "join requests", step: "leap", pass: (trace) => joinRequests(trace, suspects, contextTokens) },
  { name: "drop requests", step: "coarse", pass: dropRequests },
  { name: "drop and retime", step: "leap", pass: (trace) => dropRetimed(trace, contextTokens) },
  { name: "drop cancels", step: "coarse", pass: dropCancels },
  { name: "drop other steps", step: "coarse", pass: dropOtherSteps },
  { name: "drop segments", step: "coarse", pass: dropSegments },
  { name: "drop pieces of prompts", step: "coarse", pass: dropParts },
  { name: "merge segments", step: "coarse", pass: mergeSegments },
  { name: "shorten prompts", step: "fine", pass: shortenPrompts },
  { name: "shorten answers", step: "fine", pass: shortenAnswers },
  { name: "put in order", step: "fine", pass: putInOrder },
  { name: "drop options", step: "fine", pass: dropOptions },
  { name: "drop cache flags", step: "fine", pass: dropCacheFlags },
  { name: "bring reads nearer", step: "fine", pass: nearReads },
  { name: "round times", step: "fine", pass: roundTimes },
  { name: "shorten delays", step: "fine", pass: shortenDelays },
  { name: "canonical names", step: "fine", pass: (trace) => offer(trace, canonicalNames(trace)) },
  { name: "canonical seeds", step: "fine", pass: (trace) => offer(trace, canonicalSeeds(trace)) },
  { name: "canonical families", step: "fine", pass: (trace) => offer(trace, canonicalFamilies(trace)) },
];

function* offer(trace: Parameters<PassOf>[0], candidate: Parameters<PassOf>[0]): ReturnType<PassOf> {
  return (yield candidate) ? candidate : trace;
}
