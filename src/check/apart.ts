/** What would tell two classes apart where the evidence fits both. */

import { type AnomalyClass, isOthers, type Reading } from "./finding.ts";

type Pair = readonly [AnomalyClass, AnomalyClass];

const MIXED_UP =
  "narrow reads of the whole context: cells of another adapter have their own tokens' digits, each moved";

const APART: readonly (readonly [...Pair, string])[] = [
  [
    "foreign read",
    "torn read",
    "narrow reads of the cells around it: what is torn ends at a block's edge, a wrong row or question moves them all",
  ],
  [
    "stale read",
    "torn read",
    "narrow reads of the cells around it: what is torn ends at a block's edge, a wrong row or question moves them all",
  ],
  [
    "foreign read",
    "row swap",
    "a scan in its place: a swapped row brings the other's scan token, a foreign cell brings bad.DIGIT.VALUE",
  ],
  [
    "stale read",
    "row swap",
    "a scan in its place: a swapped row brings the other's scan token, a stale cell brings bad.DIGIT.VALUE",
  ],
  [
    "foreign read",
    "shifted read",
    "segments of other families: own cells and the other request's then differ in every token",
  ],
  [
    "stale read",
    "shifted read",
    "segments of other families: own cells and the other request's then differ in every token",
  ],
  [
    "shifted read",
    "row swap",
    "segments of other families: own cells and the other request's then differ in every token",
  ],
  [
    "adapter mix-up",
    "row swap",
    "a scan in its place: a swapped row brings the other's scan token, cells of another adapter bring bad.DIGIT.VALUE",
  ],
  ["adapter mix-up", "foreign read", MIXED_UP],
  ["adapter mix-up", "stale read", MIXED_UP],
  ["adapter mix-up", "torn read", MIXED_UP],
  [
    "shifted read",
    "unwritten read",
    "more narrow answers: a shift goes on from cell to cell, cells that are missing repeat their neighbour",
  ],
  [
    "shifted read",
    "repeated tail",
    "the ids that the engine logs as generated: a tail that came twice was generated once",
  ],
  [
    "unwritten read",
    "foreign read",
    "a scan of the same context: it says nothing of zeros and names a digit of the other request's cells",
  ],
  [
    "unwritten read",
    "stale read",
    "a scan of the same context: it says nothing of zeros and names a digit of the other request's cells",
  ],
  [
    "unwritten read",
    "torn read",
    "a scan of the same context: it says nothing of zeros and names a digit of the other request's cells",
  ],
  [
    "unwritten read",
    "unexplained",
    "a scan of the same context: it says nothing of zeros, and names a digit if cells of other positions lie there",
  ],
  [
    "stale read",
    "unexplained",
    "the same trace right after another one, with segments of other families: what is left in the memory is then of those",
  ],
  [
    "leaked parameter",
    "row swap",
    "dice for both, on ladders of their own and without `allow`: another row's answer is then a rung of its ladder, a parameter moves the own one",
  ],
  ...(["foreign read", "stale read", "torn read", "shifted read", "unwritten read"] as const).map(
    (kind) =>
      [
        "leaked parameter",
        kind,
        "the same requests without grammars: cells stay wrong, and what a grammar's state does is gone",
      ] as const,
  ),
  [
    "leaked parameter",
    "repeated tail",
    "the same request without its grammar: what was sent twice still is, and what a grammar's state does is gone",
  ],
  [
    "leaked parameter",
    "unexplained",
    "the same request alone, and dice with a longer answer: a parameter goes on moving them, rung by rung",
  ],
  ["repeated tail", "unexplained", "a narrow read in its place, with a longer answer: its tokens are all different"],
];
const CHANCE = "a narrow read with a longer answer: so few tokens fit somewhere by chance";

/** One way for each pair with the class that fits best, without repetition. */
export function tellsApart([first, ...others]: readonly Reading[]): string[] {
  // Whether a cell's owner was still at work is seldom known and tells little: it is said, and not looked into.
  const apart = others.filter((other) => !(first && isOthers(first.class) && isOthers(other.class)));
  const ways = apart.map(({ class: other }) => {
    const row = APART.find(([a, b]) => (a === first?.class && b === other) || (b === first?.class && a === other));
    return row?.[2] ?? CHANCE;
  });
  return [...new Set(ways)];
}
