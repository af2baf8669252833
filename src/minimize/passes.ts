/** The passes, from coarse to fine. Each keeps only what still fails. */

import { canonicalFamilies, canonicalNames, canonicalSeeds } from "./names.ts";
import { dropCacheFlags, dropCancels, dropOtherSteps, dropParts, dropRequests, dropSegments } from "./remove.ts";
import { roundTimes, shortenDelays } from "./retime.ts";
import type { PassOf } from "./search.ts";
import { oneAtATime, putInOrder } from "./sequence.ts";
import { mergeSegments, nearReads, shortenAnswers, shortenPrompts } from "./shorten.ts";

export const PASSES: readonly { readonly name: string; readonly pass: PassOf }[] = [
  { name: "one at a time", pass: oneAtATime },
  { name: "drop requests", pass: dropRequests },
  { name: "drop cancels", pass: dropCancels },
  { name: "drop other steps", pass: dropOtherSteps },
  { name: "drop segments", pass: dropSegments },
  { name: "drop pieces of prompts", pass: dropParts },
  { name: "merge segments", pass: mergeSegments },
  { name: "shorten prompts", pass: shortenPrompts },
  { name: "shorten answers", pass: shortenAnswers },
  { name: "put in order", pass: putInOrder },
  { name: "drop cache flags", pass: dropCacheFlags },
  { name: "bring reads nearer", pass: nearReads },
  { name: "round times", pass: roundTimes },
  { name: "shorten delays", pass: shortenDelays },
  { name: "canonical names", pass: (trace) => offer(trace, canonicalNames(trace)) },
  { name: "canonical seeds", pass: (trace) => offer(trace, canonicalSeeds(trace)) },
  { name: "canonical families", pass: (trace) => offer(trace, canonicalFamilies(trace)) },
];

function* offer(trace: Parameters<PassOf>[0], candidate: Parameters<PassOf>[0]): ReturnType<PassOf> {
  return (yield candidate) ? candidate : trace;
}
