/** Requests of their own cells that a pass puts in: long prompts, and nothing that others share. */

import type { Segment, SendStep, Trace } from "../trace/schema.ts";
import { GROUPS } from "../tracer/vocabulary.ts";

/** What a filler answers. */
const TOKENS = 2;

/** A seed that no segment has: what is the same somewhere else may come from the cache, and fill nothing. */
export const freshSeed = ({ segments }: Trace): number =>
  (1 + Math.max(...Object.values(segments).map((s) => s.seed))) % 2 ** 32;

/** Cells of a filler's prompt, before its read, where a request may be so long. */
export const longestFiller = (contextTokens: number): number => contextTokens - TOKENS - 1;

/**
 * `fill1`, `fill2`, ... for a trace that has none of these names, and their segments.
 * @param at when all are sent
 * @param lengths of their prompts, in cells
 */
export function fillersFor(
  trace: Trace,
  victim: SendStep,
  at: number,
  lengths: readonly number[],
): { readonly segments: Trace["segments"]; readonly sends: readonly SendStep[] } {
  const family = strangeTo(trace, victim);
  const fresh = freshSeed(trace);
  const names = lengths.map((length, i) => ({ seg: `Fill${i + 1}`, send: `fill${i + 1}`, length }));
  return {
    segments: Object.fromEntries(
      names.map(({ seg, length }, i): [string, Segment] => [seg, { seed: (fresh + i) % 2 ** 32, family, length }]),
    ),
    sends: names.map(({ seg, send }) => ({ at, send, prompt: [{ seg }, { read: "scan" }], maxTokens: TOKENS })),
  };
}

/** A family that has no digit group in common with the victim's cells, as far as there is one: its cells show in any scan. */
function strangeTo({ segments }: Trace, { prompt }: SendStep): number {
  const families = prompt.flatMap((part) => ("seg" in part ? [segments[part.seg]!.family] : []));
  const groups = [GROUPS * GROUPS, GROUPS, 1].map((place) => {
    const taken = new Set(families.map((family) => Math.floor(family / place) % GROUPS));
    return place * Math.max(0, [...Array(GROUPS).keys()].findLast((group) => !taken.has(group)) ?? 0);
  });
  return groups.reduce((sum, group) => sum + group, 0);
}
