import { describe, expect, test } from "vitest";
import { type HandMadeRequest, handMade } from "../../properties/hand-made.ts";
import { badToken, digitsOf, EOS, payloadRun, payloadToken, rungToken, scanToken } from "../tracer/vocabulary.ts";
import { classify } from "./anomaly.ts";
import { contextsOf, wrongRun } from "./context.ts";
import type { AnomalyClass } from "./finding.ts";

const A = [...payloadRun(1, 0, 48)];
const B = [...payloadRun(2, 1, 16)];
const C = [...payloadRun(3, 4, 16)];

/** Holds C at positions 0 to 15 and B behind it: position p has B[p - 16]. */
const owner: HandMadeRequest = {
  id: "owner",
  sentAt: 0,
  settledAt: 300,
  prompt: [{ seg: "C" }, { seg: "B" }, { read: "scan" }],
  maxTokens: 4,
};
/** Asks for positions 16 to 23 of its prompt: A[16] to A[23]. All its tokens arrive at 200 ms. */
const victim: HandMadeRequest = {
  id: "victim",
  sentAt: 50,
  settledAt: 200,
  prompt: [{ seg: "A" }, { seg: "C" }, { read: "narrow", back: 48 }],
  maxTokens: 8,
};
/** A scan of digits in the second group of the first place. */
const other: HandMadeRequest = { ...owner, id: "other", prompt: [{ seg: "D" }, { read: "scan" }] };
const scanning: HandMadeRequest = { ...victim, prompt: [{ seg: "A" }, { seg: "C" }, { read: "scan" }] };
const right = A.slice(16, 24);
/** What stands at positions 16 to 23 of the owner. */
const theirs = B.slice(0, 8);
const ofB = badToken(2, digitsOf(B[0]!)[2]);
/** A token of the first list, with these digits of the second. */
const mixed = (digits: readonly number[], of: readonly number[], others: readonly number[]) =>
  of.map((token, i) => {
    const pick = (digit: number) => digitsOf(digits.includes(digit) ? others[i]! : token)[digit]!;
    return payloadToken([pick(0), pick(1), pick(2)]);
  });
const zeros = payloadToken([0, 0, 0]);

const dice = (ladder: number): HandMadeRequest["prompt"] => [{ seg: "A" }, { read: "dice", ladder }];
/** Walks down another ladder: 0, 1, 2, 3, and back to the top. */
const walker: HandMadeRequest = { ...owner, id: "walker", prompt: dice(6), maxTokens: 8, options: { presence: 1.75 } };
const sampler: HandMadeRequest = { ...owner, id: "sampler", options: { seed: 3 } };
const grammar = { grammar: true } as const;
/** Asks for all of B, under a grammar. */
const held: HandMadeRequest = {
  ...owner,
  id: "held",
  prompt: [{ seg: "C" }, { seg: "B" }, { read: "narrow", back: 16 }],
  maxTokens: 8,
  options: grammar,
};
/** The same of dice on ladder 2. */
const thrown = (
  rungs: readonly number[],
  others: readonly HandMadeRequest[],
  more: Partial<HandMadeRequest> = {},
): AnomalyClass[] =>
  classes(
    rungs.map((rung) => rungToken(2, rung)),
    others,
    { prompt: dice(2), ...more },
  );

/** The classes of what the victim was answered, best first. */
function classes(
  answer: readonly number[],
  others: readonly HandMadeRequest[],
  {
    flushes = [],
    used = false,
    ...more
  }: Partial<HandMadeRequest> & { flushes?: readonly number[]; used?: boolean } = {},
): AnomalyClass[] {
  const run = handMade([...others, { ...victim, ...more, answer: () => answer }]);
  const contexts = contextsOf(run);
  const context = contexts.find((c) => c.request.id === "victim")!;
  const wrong = answer.findIndex((_, i) => wrongRun(context.request, answer, i, 1).length > 0);
  const index = wrong >= 0 ? wrong : Math.min(answer.length, context.request.maxTokens);
  return classify({ victim: context, index, contexts, flushes, slack: 0, used }).map((r) => r.class);
}

interface Case {
  readonly name: string;
  readonly found: () => AnomalyClass[];
  readonly classes: readonly AnomalyClass[];
}

/** For each class a history that must be named so, and near misses that must not be. */
const TABLE: Readonly<Record<string, readonly Case[]>> = {
  "foreign read": [
    {
      name: "cells of a request that outlives the read",
      found: () => classes(theirs, [owner]),
      classes: ["foreign read"],
    },
    {
      name: "near miss: the owner had ended when the victim was sent",
      found: () => classes(theirs, [{ ...owner, settledAt: 40 }]),
      classes: ["stale read"],
    },
    {
      name: "near miss: the owner was sent after the wrong token had arrived",
      found: () => classes(theirs, [{ ...owner, sentAt: 250 }]),
      classes: ["unexplained"],
    },
    {
      name: "near miss: its own cells hold the same tokens",
      found: () => classes(A.slice(0, 8), [{ ...owner, prompt: [{ seg: "B" }, { seg: "A" }, { read: "scan" }] }]),
      classes: ["foreign read", "shifted read"],
    },
    {
      name: "by a scan: a digit of a request that outlives it",
      found: () => classes([ofB], [owner], scanning),
      classes: ["foreign read"],
    },
  ],
  "stale read": [
    {
      name: "cells of a request that ended before",
      found: () => classes(theirs, [{ ...owner, settledAt: 40 }]),
      classes: ["stale read"],
    },
    {
      name: "near miss: the owner ended while the victim ran",
      found: () => classes(theirs, [{ ...owner, settledAt: 100 }]),
      classes: ["foreign read", "stale read"],
    },
    {
      name: "near miss: the owner was cancelled before, and what it started may have gone on",
      found: () => classes(theirs, [{ ...owner, settledAt: 40, ends: "cancelled", answer: () => [] }]),
      classes: ["foreign read", "stale read"],
    },
    {
      name: "by a scan that computed all its cells itself",
      found: () => classes([ofB], [{ ...owner, settledAt: 40 }], scanning),
      classes: ["stale read"],
    },
    {
      name: "near miss: a scan over cached cells, which were computed while the owner ran",
      found: () =>
        classes(
          [ofB],
          [
            { ...owner, settledAt: 40 },
            { ...scanning, id: "first", sentAt: 20, settledAt: 45 },
          ],
          {
            ...scanning,
            cached: 48,
          },
        ),
      classes: ["foreign read", "stale read"],
    },
  ],
  "shifted read": [
    { name: "own cells further on", found: () => classes(A.slice(20, 28), []), classes: ["shifted read"] },
    {
      name: "near miss: another request holds these cells at the asked position",
      found: () => classes(theirs, [owner]),
      classes: ["foreign read"],
    },
    {
      name: "near miss: one own cell for all questions is no shift: what was asked for is not there",
      found: () =>
        classes(
          right.map(() => A[15]!),
          [],
        ),
      classes: ["unwritten read", "unexplained"],
    },
    {
      name: "near miss: a single token may stand anywhere by chance",
      found: () => classes([A[20]!, ...right.slice(1)], []),
      classes: ["shifted read", "unwritten read", "unexplained"],
    },
  ],
  "torn read": [
    {
      name: "one digit of another request's cells, two of its own",
      found: () =>
        classes(mixed([2], right, B.slice(0, 8)), [
          { ...owner, prompt: [{ seg: "C" }, { seg: "B" }, { read: "scan" }] },
        ]),
      classes: ["torn read"],
    },
    {
      name: "near miss: all three digits are the other request's",
      found: () => classes(theirs, [owner]),
      classes: ["foreign read"],
    },
    {
      name: "near miss: the digits that differ are zero",
      found: () =>
        classes(
          mixed(
            [1],
            right,
            right.map(() => zeros),
          ),
          [owner],
        ),
      classes: ["unwritten read", "unexplained"],
    },
    {
      name: "another request's cells under the key of the asked position: values and keys have two sources, or rows are mixed up",
      found: () => classes(B.slice(4, 12), [owner]),
      classes: ["foreign read", "torn read"],
    },
  ],
  "unwritten read": [
    {
      name: "zero digits",
      found: () => classes([zeros, zeros, ...right.slice(2)], []),
      classes: ["unwritten read", "unexplained"],
    },
    {
      name: "near miss: a read token lay there in another request, and shows as zeros too",
      found: () => classes([zeros, ...right.slice(1)], [{ ...owner, prompt: [{ seg: "B" }, { read: "scan" }] }]),
      classes: ["unwritten read", "foreign read", "unexplained"],
    },
  ],
  "row swap": [
    {
      name: "another scan's token",
      found: () => classes([scanToken([1, 4])], [owner], scanning),
      classes: ["row swap"],
    },
    {
      name: "a narrow request that is answered what another row asked for",
      found: () => classes([scanToken([1, 4])], [owner]),
      classes: ["row swap"],
    },
    {
      name: "near miss: the other row had ended before",
      found: () => classes([scanToken([1, 4])], [{ ...owner, settledAt: 40 }], scanning),
      classes: ["unexplained"],
    },
    {
      name: "near miss: tokens of another narrow read may be its row's or its cells'",
      found: () =>
        classes(C.slice(0, 8), [{ ...owner, prompt: [{ seg: "C" }, { read: "narrow", back: 16 }], maxTokens: 8 }], {
          prompt: [{ seg: "A" }, { read: "narrow", back: 32 }],
        }),
      classes: ["foreign read", "torn read", "row swap"],
    },
  ],
  "phantom hit": [
    {
      name: "more cached tokens than any earlier request held",
      found: () => classes([ofB], [owner], { ...scanning, cached: 48 }),
      classes: ["phantom hit"],
    },
    {
      name: "near miss: an earlier request held as many",
      found: () => classes([ofB], [owner, { ...scanning, id: "first", sentAt: 1 }], { ...scanning, cached: 48 }),
      classes: ["foreign read"],
    },
    {
      name: "near miss: the cell was asked for beyond the cached ones",
      found: () => classes(theirs, [owner], { cached: 16 }),
      classes: ["foreign read"],
    },
    {
      name: "an earlier request held as many, but the caches were emptied in between",
      found: () =>
        classes([ofB], [owner, { ...scanning, id: "first", sentAt: 1, settledAt: 30 }], {
          ...scanning,
          cached: 48,
          flushes: [45_000],
        }),
      classes: ["phantom hit"],
    },
  ],
  "row swap, as a scan tells it": [
    {
      name: "a digit that the own scan allows: only another's scan names it",
      found: () => classes([badToken(0, 1)], [{ ...owner, prompt: [{ seg: "B" }, { read: "scan" }] }, other], scanning),
      classes: ["row swap"],
    },
    {
      name: "near miss: nobody scanned with a token that forbids it",
      found: () => classes([badToken(0, 1)], [{ ...owner, prompt: [{ seg: "B" }, { read: "scan" }] }], scanning),
      classes: ["unexplained"],
    },
  ],
  "a second lap": [
    {
      name: "another's token in a cell of the own answer: a foreign cell, or what a decode step was fed",
      found: () => {
        const lap = [...C.slice(8), zeros, zeros, zeros, ...C.slice(8), zeros, zeros];
        const wrong = B.slice(3, 7);
        return classes([...lap.slice(0, 14), ...wrong, ...lap.slice(18)], [{ ...owner, maxTokens: 40 }], {
          prompt: [{ seg: "A" }, { seg: "C" }, { read: "narrow", back: 8 }],
          maxTokens: lap.length,
        });
      },
      classes: ["foreign read", "torn read", "row swap"],
    },
  ],
  "lost tail": [
    { name: "a right answer that ends early", found: () => classes(right.slice(0, 5), []), classes: ["lost tail"] },
    {
      name: "an answer with a gap, too short by as much",
      found: () => classes([...right.slice(0, 2), ...right.slice(4)], []),
      classes: ["lost tail"],
    },
    {
      name: "near miss: the request is still open",
      found: () => classes(right.slice(0, 5), [], { ends: "open" }),
      classes: ["unsettled request"],
    },
    {
      name: "near miss: a gap in an answer of full length is a shift",
      found: () => classes([...right.slice(0, 2), ...A.slice(20, 26)], []),
      classes: ["shifted read"],
    },
  ],
  "repeated tail": [
    {
      name: "the last tokens twice",
      found: () => classes([...right, ...right.slice(5)], []),
      classes: ["repeated tail"],
    },
    {
      name: "a part twice, and the answer is too long by as much",
      found: () => classes([...right.slice(0, 6), ...right.slice(3)], []),
      classes: ["repeated tail"],
    },
    {
      name: "near miss: as much is missing at the end, as a shift would have it",
      found: () => classes([...right.slice(0, 2), ...right.slice(0, 6)], []),
      classes: ["shifted read", "repeated tail"],
    },
    {
      name: "near miss: a scan that went on too long",
      found: () => classes(Array(10).fill(scanToken([0, 4])), [], scanning),
      classes: ["repeated tail", "unexplained"],
    },
    {
      name: "near miss: new tokens behind the end",
      found: () => classes([...right, ...A.slice(24, 27)], []),
      classes: ["unexplained"],
    },
  ],
  "leaked parameter": [
    {
      name: "three rungs in a row that a neighbour's penalty leads to",
      found: () => thrown([0, 1, 2, 3, 0, 0, 0, 0], [walker]),
      classes: ["leaked parameter"],
    },
    {
      name: "rungs that only a temperature leads to",
      found: () => thrown([0, 3, 0, 1, 0, 0, 2, 0], [sampler, walker]),
      classes: ["leaked parameter"],
    },
    {
      name: "a penalty, although the owner has ended: its row may have been left as it was",
      found: () => thrown([0, 1, 2, 3, 0, 0, 0, 0], [{ ...walker, settledAt: 10 }]),
      classes: ["leaked parameter"],
    },
    {
      name: "near miss: one rung is no evidence",
      found: () => thrown([0, 1, 0, 0, 0, 0, 0, 0], [walker]),
      classes: ["leaked parameter", "unexplained"],
    },
    {
      name: "near miss: the own penalty is gone, which need not be anybody's doing",
      found: () => thrown([0, 0, 0, 0, 0, 0, 0, 0], [sampler], { options: { presence: 1.75 } }),
      classes: ["leaked parameter", "unexplained"],
    },
    {
      name: "near miss: a neighbour on the same ladder should be answered so",
      found: () => thrown([0, 1, 2, 3, 0, 0, 0, 0], [{ ...walker, prompt: dice(2) }]),
      classes: ["leaked parameter", "row swap"],
    },
    {
      name: "near miss: rungs of a neighbour's ladder",
      found: () => classes(new Array(8).fill(rungToken(5, 0)), [{ ...walker, prompt: dice(5) }], { prompt: dice(2) }),
      classes: ["row swap"],
    },
    {
      name: "near miss: nobody has a parameter that leads there",
      found: () => thrown([0, 5, 6, 5, 0, 0, 0, 0], [walker]),
      classes: ["unexplained"],
    },
    {
      name: "a neighbour's allowed tokens look as its row does",
      found: () =>
        classes(new Array(8).fill(scanToken([1, 4])), [{ ...owner, options: { allow: true } }], { prompt: dice(2) }),
      classes: ["row swap", "leaked parameter"],
    },
  ],
  "leaked parameter: grammars": [
    {
      name: "a token of another's sentence, which no cell makes a scan answer, when that one had ended",
      found: () => classes(new Array(8).fill(B[5]!), [{ ...held, settledAt: 40 }], scanning),
      classes: ["leaked parameter", "unexplained"],
    },
    {
      name: "another's sentence looks as its row does, and as its cells",
      found: () => classes(B.slice(0, 8), [held]),
      classes: ["foreign read", "row swap", "leaked parameter"],
    },
    {
      name: "the own grammar stays behind: no cell can bring a token that it does not allow",
      found: () => classes([...right.slice(0, 3), ...new Array(5).fill(right[1])], [owner], { options: grammar }),
      classes: ["leaked parameter"],
    },
    {
      name: "the own grammar is ahead, and at its end",
      found: () => classes([right[0]!, right[4]!, ...new Array(6).fill(EOS)], [owner], { options: grammar }),
      classes: ["leaked parameter"],
    },
    {
      name: "near miss: the same answer without a grammar is its own cells",
      found: () => classes([...right.slice(0, 3), ...right.slice(1, 6)], [owner]),
      classes: ["shifted read", "repeated tail"],
    },
    {
      name: "near miss: a grammar that begins anew steps back as an answer does of which a part came twice",
      found: () => classes([...right.slice(0, 3), ...right.slice(0, 5)], [owner], { options: grammar }),
      classes: ["leaked parameter", "repeated tail"],
    },
    {
      name: "dice that should count stay on the top rung: their grammar is gone, which need not be anybody's doing",
      found: () => thrown([0, 1, 2, 0, 0, 0, 0, 0], [owner], { options: grammar }),
      classes: ["leaked parameter", "unexplained"],
    },
    {
      name: "dice that should count lag behind by one",
      found: () => thrown([0, 1, 2, 2, 3, 4, 5, 6], [owner], { options: grammar }),
      classes: ["leaked parameter", "repeated tail"],
    },
    {
      name: "near miss: another's row is another's row under a grammar too",
      found: () => classes(new Array(8).fill(scanToken([1, 4])), [owner], { options: grammar, prompt: dice(2) }),
      classes: ["row swap"],
    },
  ],
  unexplained: [
    {
      name: "own tokens of other places from a request that may generate no others: its list chose them, not its cells",
      found: () => classes([...right.slice(1, 4), ...right.slice(3)], [owner], { options: { allow: true } }),
      classes: ["unexplained"],
    },
    {
      name: "tokens that nobody held",
      found: () => classes([payloadToken([15, 15, 15]), payloadToken([14, 15, 14]), ...right.slice(2)], [owner]),
      classes: ["unexplained"],
    },
    {
      name: "near miss: the same from a server that earlier runs have used",
      found: () =>
        classes([payloadToken([15, 15, 15]), payloadToken([14, 15, 14]), ...right.slice(2)], [owner], { used: true }),
      classes: ["stale read", "unexplained"],
    },
    {
      name: "near miss: by a scan, a digit that nobody held, from a server that earlier runs have used",
      found: () => classes([badToken(2, 15)], [owner], { ...scanning, used: true }),
      classes: ["stale read", "unexplained"],
    },
    {
      name: "by a scan, a digit that nobody held",
      found: () => classes([badToken(2, 15)], [owner], scanning),
      classes: ["unexplained"],
    },
    {
      name: "a whole right answer with another finish reason",
      found: () => classes(right, []),
      classes: ["unexplained"],
    },
  ],
};

describe.each(Object.entries(TABLE))("%s", (_, cases) => {
  test.each(cases)("$name", ({ found, classes: expected }) => {
    expect(found()).toEqual(expected);
  });
});
