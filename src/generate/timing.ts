/** Delays, in whole milliseconds: mostly none, often short, seldom long, as rr's chaos mode has them. */

import fc from "fast-check";

/** 0 to 30 ms. 15 and 19 ms are the offsets of published cancel races. */
export const shortDelay: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.constant(1) },
  { weight: 4, arbitrary: fc.constant(2) },
  { weight: 3, arbitrary: fc.constant(4) },
  { weight: 2, arbitrary: fc.constant(8) },
  { weight: 1, arbitrary: fc.constantFrom(15, 19) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 30 }) },
);

/** Between requests of one burst: together or nearly so. */
export const burstGap: fc.Arbitrary<number> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4, max: 12 }) },
);

/** Between the acts of a pattern: long enough for a small engine to finish what runs, or not quite. */
export const actGap: fc.Arbitrary<number> = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 10 }) },
  { weight: 3, arbitrary: fc.integer({ min: 10, max: 90 }) },
);

/** When to cancel a request: after milliseconds, after its first token, or after some. */
export type CancelMoment = { readonly afterMs: number } | { readonly afterTokens: number };

export const cancelMoment: fc.Arbitrary<CancelMoment> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ afterMs: shortDelay }) },
  // In the midst of an answer, between two of its tokens: a cancel after tokens always comes right behind one.
  { weight: 3, arbitrary: fc.record({ afterMs: fc.integer({ min: 3, max: 70 }) }) },
  { weight: 1, arbitrary: fc.constant({ afterTokens: 1 }) },
  { weight: 2, arbitrary: fc.record({ afterTokens: fc.integer({ min: 2, max: 12 }) }) },
);

/** About when it will have been cancelled, ms after it was sent: a token takes a small engine some 3 ms. */
export function roughMs(moment: CancelMoment): number {
  return "afterMs" in moment ? moment.afterMs : 5 + 3 * moment.afterTokens;
}
