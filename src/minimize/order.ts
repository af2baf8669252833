/** The total order that reduction descends: of two traces that show the same failure, which one a person would rather read. */

import type { TraceSize } from "../check/finding.ts";
import { optionsIn } from "../trace/options.ts";
import { isCancel, isSend, promptLength, type Step, type Trace } from "../trace/schema.ts";
import { canonicalFamilies, canonicalNames, canonicalSeeds } from "./names.ts";
import { concurrentSends } from "./sequence.ts";

/** What a report says of a trace's size. */
export function measure(trace: Trace): TraceSize {
  const sends = trace.steps.filter(isSend);
  return {
    requests: sends.length,
    cancels: trace.steps.filter(isCancel).length,
    steps: trace.steps.length,
    promptTokens: sends.reduce((sum, s) => sum + promptLength(trace, s.prompt), 0),
  };
}

/** Numbers that are compared from left to right, then text. */
export interface SortKey {
  readonly numbers: readonly number[];
  readonly text: string;
}

/**
 * Requests, cancels, requests sent beside others, steps (waits are order, and cost nothing), prompt tokens, answer tokens; then how many words the page needs (segments, parts, flags);
 * then distances and times; last whether names, seeds and families are canonical. Coarse passes lower the numbers on the left.
 */
export function sortKey(trace: Trace): SortKey {
  const { requests, cancels, steps, promptTokens } = measure(trace);
  const sends = trace.steps.filter(isSend);
  const reads = sends.map((s) => s.prompt.at(-1)!);
  const segments = Object.values(trace.segments);
  const waits = trace.steps.filter((s) => "wait" in s).length;
  const text = JSON.stringify(trace);
  return {
    numbers: [
      requests,
      cancels,
      concurrentSends(trace),
      steps - waits,
      promptTokens,
      sum(sends.map((s) => s.maxTokens)),
      segments.length,
      sum(sends.map((s) => s.prompt.length)),
      sum(trace.steps.map(flags)),
      waits,
      sum(reads.map((r) => ("read" in r && r.read === "narrow" ? r.back : 0))),
      new Set(trace.steps.map((s) => s.at)).size,
      sum(trace.steps.map(milliseconds)),
      sum(trace.steps.filter(isCancel).map((s) => s.afterTokens ?? 0)),
      sum(segments.map((s) => s.length)),
      JSON.stringify(canonicalNames(trace)) === text ? 0 : 1,
      JSON.stringify(canonicalSeeds(trace)) === text ? 0 : 1,
      JSON.stringify(canonicalFamilies(trace)) === text ? 0 : 1,
    ],
    text,
  };
}

/** Negative where `a` is the smaller trace. Zero only for traces with the same JSON. */
export function compareKeys(a: SortKey, b: SortKey): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i]!;
    if (number !== other) return number - other;
  }
  if (a.text.length !== b.text.length) return a.text.length - b.text.length;
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function flags(step: Step): number {
  if (isSend(step)) return (step.cache === undefined ? 0 : 1) + optionsIn(step).length;
  if (isCancel(step)) return step.afterMs === undefined && step.afterTokens === undefined ? 0 : 1;
  return "fault" in step && step.forMs !== undefined ? 1 : 0;
}

function milliseconds(step: Step): number {
  if (isCancel(step)) return step.at + (step.afterMs ?? 0);
  return step.at + ("fault" in step ? (step.forMs ?? 0) : 0);
}
