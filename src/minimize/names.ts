/** Canonical names, so that traces found on different days for the same reason come out equal. */

import type { Part, Segment, Step, Trace } from "../trace/schema.ts";
import { isSend } from "../trace/schema.ts";
import { FAMILIES } from "../tracer/vocabulary.ts";

/** Requests become r1, r2, ... and segments A, B, ..., each in the order in which the steps use them. */
export function canonicalNames(trace: Trace): Trace {
  const requests = new Map<string, string>();
  const segments = new Map<string, string>();
  for (const step of trace.steps.filter(isSend)) {
    requests.set(step.send, `r${requests.size + 1}`);
    for (const part of step.prompt) {
      if ("seg" in part && !segments.has(part.seg)) segments.set(part.seg, letters(segments.size));
    }
  }
  const renamePart = (part: Part): Part => ("seg" in part ? { ...part, seg: segments.get(part.seg)! } : part);
  const renameStep = (step: Step): Step => {
    if (isSend(step)) return { ...step, send: requests.get(step.send)!, prompt: step.prompt.map(renamePart) };
    if ("cancel" in step) return { ...step, cancel: requests.get(step.cancel)! };
    return "wait" in step ? { ...step, wait: requests.get(step.wait)! } : step;
  };
  return {
    ...trace,
    segments: Object.fromEntries([...segments].map(([old, name]) => [name, trace.segments[old]!])),
    steps: trace.steps.map(renameStep),
  };
}

/** Seeds 1, 2, ...; segments that shared a seed go on sharing it. */
export function canonicalSeeds(trace: Trace): Trace {
  const seeds = numbering(Object.values(trace.segments).map((s) => s.seed));
  return mapSegments(trace, (s) => ({ ...s, seed: seeds.get(s.seed)! + 1 }));
}

/** Families that differ in every digit come first: a torn read may show one digit only. */
const FAMILY_ORDER = [...new Set([21, 42, 63, 0, ...Array.from({ length: FAMILIES }, (_, family) => family)])];

/** The first families of a fixed order; segments that shared a family go on sharing it. */
export function canonicalFamilies(trace: Trace): Trace {
  const families = numbering(Object.values(trace.segments).map((s) => s.family));
  return mapSegments(trace, (s) => ({ ...s, family: FAMILY_ORDER[families.get(s.family)!]! }));
}

function mapSegments(trace: Trace, change: (segment: Segment) => Segment): Trace {
  return {
    ...trace,
    segments: Object.fromEntries(Object.entries(trace.segments).map(([id, s]) => [id, change(s)])),
  };
}

function numbering(values: readonly number[]): Map<number, number> {
  return new Map([...new Set(values)].map((value, i) => [value, i]));
}

/** 0 is A, 25 is Z, 26 is AA. */
function letters(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
