/** The passes, from coarse to fine. Each keeps only what still fails; a fine one changes details. */

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
import { roundTimes, shortenDelays } from "./retime.ts";
import type { PassOf } from "./search.ts";
import { oneAtATime, putInOrder } from "./sequence.ts";
import { mergeSegments, nearReads, shortenAnswers, shortenPrompts } from "./shorten.ts";

export interface NamedPass {
  readonly name: string;
  readonly fine: boolean;
  readonly pass: PassOf;
}

/**
 * @param suspects requests that the anomaly names
 * @param contextTokens the longest prompt and answer that a request may have
 */
export const passesFor = (suspects: readonly string[], contextTokens: number): readonly NamedPass[] => [
  // Before the suspects: those of a failure that needs no timing may be others than those of the one that was seen.
  { name: "one at a time", fine: false, pass: oneAtATime },
  { name: "keep suspects", fine: false, pass: (trace) => keepSuspects(trace, suspects) },
  { name: "drop requests", fine: false, pass: dropRequests },
  { name: "join requests", fine: false, pass: (trace) => joinRequests(trace, suspects, contextTokens) },
  { name: "drop cancels", fine: false, pass: dropCancels },
  { name: "drop other steps", fine: false, pass: dropOtherSteps },
  { name: "drop segments", fine: false, pass: dropSegments },
  { name: "drop pieces of prompts", fine: false, pass: dropParts },
  { name: "merge segments", fine: false, pass: mergeSegments },
  { name: "shorten prompts", fine: true, pass: shortenPrompts },
  { name: "shorten answers", fine: true, pass: shortenAnswers },
  { name: "put in order", fine: true, pass: putInOrder },
  { name: "drop options", fine: true, pass: dropOptions },
  { name: "drop cache flags", fine: true, pass: dropCacheFlags },
  { name: "bring reads nearer", fine: true, pass: nearReads },
  { name: "round times", fine: true, pass: roundTimes },
  { name: "shorten delays", fine: true, pass: shortenDelays },
  { name: "canonical names", fine: true, pass: (trace) => offer(trace, canonicalNames(trace)) },
  { name: "canonical seeds", fine: true, pass: (trace) => offer(trace, canonicalSeeds(trace)) },
  { name: "canonical families", fine: true, pass: (trace) => offer(trace, canonicalFamilies(trace)) },
];

function* offer(trace: Parameters<PassOf>[0], candidate: Parameters<PassOf>[0]): ReturnType<PassOf> {
  return (yield candidate) ? candidate : trace;
}
