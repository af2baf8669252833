/**
 * Provenance: where a wrong answer fits.
 *
 * A narrow answer names the token that lay in the cell. A family has 64 tokens, so one token fits many cells by chance,
 * and several in a row hardly any. Every fit therefore carries how many digits it explains and how many places were
 * tried, and `chance` says what such a fit is worth.
 */

import { expectedTokens } from "../trace/prompt.ts";
import { shown } from "../trace/write-out.ts";
import { type AdapterName, storedToken } from "../tracer/adapter.ts";
import { DIGITS, digitsOf, isPayload } from "../tracer/vocabulary.ts";
import { isOwnButForAdapter, mixUpOrigins, otherAdapters, ownCellsUnder } from "./adapter-mix-up.ts";
import { type Context, heldBefore, NO_EVIDENCE, originAt } from "./context.ts";
import type { CellOrigin } from "./finding.ts";

/** What kind of place explains the answer. */
export type FitKind =
  /** Another request's cells, at the asked position or at another one. */
  | "theirs"
  | "theirs elsewhere"
  /** Own cells at another position. */
  | "own elsewhere"
  /** One own cell for all questions: the nearest to cells that were not there. */
  | "own edge"
  /** Digits of two sources at the asked position. */
  | "torn"
  /** Own cells at the asked position, as another adapter computes them. */
  | "adapter"
  /** What another request of the same time should be answered. */
  | "row"
  /** A part of the answer came twice, or is missing, and its length says so. */
  | "repeated"
  | "lost"
  /** A part came twice, and as much is missing at the end. */
  | "repeated and cut";

export interface Fit {
  readonly kind: FitKind;
  readonly origins: readonly CellOrigin[];
  /** Digits of the wrong tokens, from the first on, that this explains. */
  readonly digits: number;
  /** Places that were tried. */
  readonly places: number;
}

/** How often two random digits of one family agree, at most: those of group 0 are 1 in half of the cells. */
const DIGITS_AGREE = 3 / 8;

/** How many of the places tried would fit as well by chance. */
export const chance = ({ places, digits }: Pick<Fit, "places" | "digits">): number => places * DIGITS_AGREE ** digits;

/** What was answered from the first wrong token on. A token between wrong ones may be right by chance: it proves nothing. */
export interface Observed {
  readonly tokens: readonly number[];
  readonly wrong: readonly boolean[];
}

const EVIDENCE_TOKENS = 16;

export function observedFrom({ request, answer }: Context, index: number): Observed {
  const expected = expectedTokens(request);
  // The tokens of a find read all show one cell.
  const most = request.read === "find" ? 1 : EVIDENCE_TOKENS;
  const tokens = answer.slice(index, Math.min(expected.length, index + most));
  return { tokens, wrong: tokens.map((token, i) => token !== expected[index + i]) };
}

/** Digits of the wrong ones among the first `count` tokens. */
const evidenceIn = ({ wrong }: Observed, count: number): number =>
  DIGITS * wrong.slice(0, count).filter(Boolean).length;

/** What a narrow read would show of each cell that a request held. */
const shownBefore = (context: Context, time: number): number[] =>
  heldBefore(context, time).map((token) => (token === NO_EVIDENCE ? token : shown(token, context.request.adapter)));

/** Every place where a wrong narrow answer fits, and how well. */
export function narrowFits(
  victim: Context,
  asked: number,
  index: number,
  seen: Observed,
  others: readonly Context[],
): Fit[] {
  const at = victim.answerTimes[index]!;
  const cells = new Map([victim, ...others].map((c) => [c, shownBefore(c, at)]));
  const own = cells.get(victim)!;
  const theirs = others.map((context) => ({ context, held: cells.get(context)! }));
  const alone = [{ context: victim, held: own }];
  return [
    atAsked(victim, theirs, asked, seen, at),
    underAnother(victim, asked, seen, at, others),
    elsewhere("theirs elsewhere", theirs, asked, seen),
    elsewhere("own elsewhere", alone, asked, seen),
    edge(victim, own, asked, seen),
    torn([...alone, ...theirs], asked, seen),
    rowFit(victim, seen, at, others),
    ...tailFits(victim, index, seen),
  ].filter((fit) => fit.digits > 0);
}

interface Held {
  readonly context: Context;
  readonly held: readonly number[];
}

/** Digits of the wrong tokens that stand in `tokens` from `start` on. */
function fitting(tokens: ArrayLike<number>, start: number, seen: Observed): number {
  let count = 0;
  while (count < seen.tokens.length && tokens[start + count] === seen.tokens[count]) count++;
  return evidenceIn(seen, count);
}

interface Match {
  readonly origin: CellOrigin;
  readonly digits: number;
}

/** The matches that explain most digits, as one fit. */
function longest(kind: FitKind, matches: readonly Match[], places: number): Fit {
  const digits = matches.reduce((max, m) => Math.max(max, m.digits), 0);
  const origins = digits === 0 ? [] : matches.filter((m) => m.digits === digits).map((m) => m.origin);
  return { kind, origins, digits, places };
}

function atAsked(victim: Context, theirs: readonly Held[], asked: number, seen: Observed, at: number): Fit {
  const own = victim.request.adapter;
  const mixedUp = new Map<AdapterName | null, number>();
  for (const adapter of otherAdapters(
    victim,
    theirs.map(({ context }) => context),
  ))
    mixedUp.set(adapter, fitting(ownCellsUnder(victim, adapter, at), asked, seen));
  const matches = theirs.flatMap(({ context, held }): Match[] => {
    const { adapter } = context.request;
    const digits = fitting(held, asked, seen);
    // Cells that the victim should have, but for the adapter, are no foreign ones.
    if (adapter !== own && digits <= mixedUp.get(adapter)!) return [];
    return [{ origin: originAt(context, asked), digits }];
  });
  return longest("theirs", matches, theirs.length);
}

function underAnother(victim: Context, asked: number, seen: Observed, at: number, others: readonly Context[]): Fit {
  const adapters = otherAdapters(victim, others);
  const matches = adapters.flatMap((adapter) => {
    const digits = fitting(ownCellsUnder(victim, adapter, at), asked, seen);
    return mixUpOrigins(victim, adapter, asked, others).map((origin) => ({ origin, digits }));
  });
  return longest("adapter", matches, adapters.length);
}

function elsewhere(kind: FitKind, among: readonly Held[], asked: number, seen: Observed): Fit {
  const matches = among.flatMap(({ context, held }) =>
    held.flatMap((token, start): Match[] =>
      start === asked || token !== seen.tokens[0]
        ? []
        : [{ origin: originAt(context, start), digits: fitting(held, start, seen) }],
    ),
  );
  const places = among.reduce((sum, { held }) => sum + held.length, 0);
  return longest(kind, matches, places);
}

/** Where the asked cells are not there, the nearest cell that is answers for all of them. */
function edge(victim: Context, own: readonly number[], asked: number, seen: Observed): Fit {
  const [first] = seen.tokens;
  const differs = seen.tokens.findIndex((token) => token !== first);
  const count = differs < 0 ? seen.tokens.length : differs;
  const nearest = own
    .flatMap((token, position) => (token === first && position !== asked ? [position] : []))
    .sort((a, b) => Math.abs(a - asked) - Math.abs(b - asked))[0];
  const origins = nearest === undefined ? [] : [originAt(victim, nearest)];
  return { kind: "own edge", origins, digits: nearest === undefined ? 0 : evidenceIn(seen, count), places: own.length };
}

/** Two sources, the own cell among them: one gives one digit and the other two. */
function torn(sources: readonly Held[], asked: number, seen: Observed): Fit {
  const digitsSeen = seen.tokens.map(digitsOf);
  /** By source and digit: how many of the tokens have this digit of the source's cells. */
  const lengths = sources.map(({ held }) =>
    Array.from({ length: DIGITS }, (_, digit) => {
      const differs = digitsSeen.findIndex((digits, i) => {
        const token = held[asked + i];
        return token === undefined || token === NO_EVIDENCE || digitsOf(token)[digit] !== digits[digit];
      });
      return differs < 0 ? digitsSeen.length : differs;
    }),
  );
  let most = 0;
  let origins = new Set<number>();
  let ownTakesPart = true;
  for (const [one, a] of lengths.entries()) {
    for (const [other, b] of lengths.entries()) {
      if (one === other) continue;
      for (let digit = 0; digit < DIGITS; digit++) {
        const tokens = Math.min(...b.map((length, d) => (d === digit ? a[digit]! : length)));
        // One source alone explains as much: nothing is torn.
        if (tokens === 0 || Math.min(...a) >= tokens || Math.min(...b) >= tokens || tokens < most) continue;
        if (tokens > most) {
          origins = new Set();
          ownTakesPart = false;
        }
        most = tokens;
        for (const source of [one, other]) origins.add(source);
        if (one === 0 || other === 0) ownTakesPart = true;
      }
    }
  }
  const places = ownTakesPart ? 2 * DIGITS * (sources.length - 1) : DIGITS * sources.length ** 2;
  return {
    kind: "torn",
    origins: [...origins].filter((source) => source > 0).map((source) => originAt(sources[source]!.context, asked)),
    digits: evidenceIn(seen, most),
    places,
  };
}

/**
 * Requests that ran at the same time and whose own right answer has the wrong tokens. Another choice of the same request
 * has a row of its own, and the same answer: it may be further on.
 */
export function rowFit(victim: Context, seen: Observed, at: number, others: readonly Context[]): Fit {
  let places = 0;
  const rows = victim.request.choices > 1 ? [...others, victim] : others;
  const matches = rows.flatMap((context): Match[] => {
    const { request, settledAt, sentAt } = context;
    // A buffer of embeddings keeps what it had from a request that has left.
    const left = settledAt !== null && settledAt < victim.sentAt && victim.options?.embed !== true;
    if (sentAt > at || left) return [];
    const theirs = expectedTokens(request);
    places += theirs.length;
    let best = { start: 0, digits: 0 };
    for (let start = 0; start < theirs.length; start++) {
      const digits = fitting(theirs, start, seen);
      if (digits > best.digits) best = { start, digits };
    }
    const position = request.prompt.length + best.start;
    const origin = { request: request.id, position, place: `answer[${best.start}]` };
    return best.digits === 0 ? [] : [{ origin, digits: best.digits }];
  });
  // A scan token stands in no cell and no other row's answer by chance.
  return longest("row", matches, isPayload(seen.tokens[0]!) ? places : 0);
}

/** The answer goes on to its end with its own tokens, but too late or too early. */
export function tailFits(victim: Context, index: number, seen: Observed): Fit[] {
  const { answer, request, status } = victim;
  const expected = expectedTokens(request);
  const surplus = answer.length - expected.length;
  const goesOn = (late: number) => answer.slice(index).every((token, i) => token === expected[index - late + i]);
  // Tokens behind the end that go on as they should are evidence too.
  const digits = evidenceIn(seen, seen.tokens.length) + DIGITS * Math.max(0, surplus);
  const tail = (kind: FitKind, places: number): Fit => ({ kind, origins: [], digits, places });
  if (status === "finished" && surplus !== 0) {
    return surplus <= index && goesOn(surplus) ? [tail(surplus > 0 ? "repeated" : "lost", 1)] : [];
  }
  const late = Array.from({ length: index }, (_, i) => i + 1);
  return late.some(goesOn) ? [tail("repeated and cut", index)] : [];
}

/** First cell with this digit in each other request that has one. */
export function digitOrigins(
  victim: Context,
  digit: number,
  value: number,
  at: number,
  others: readonly Context[],
): CellOrigin[] {
  return others.flatMap((context) => {
    const { adapter } = context.request;
    const position = heldBefore(context, at).findIndex(
      (token, i) =>
        isPayload(token) &&
        digitsOf(storedToken(adapter, token))[digit] === value &&
        !isOwnButForAdapter(victim, context, i),
    );
    return position < 0 ? [] : [originAt(context, position)];
  });
}

/** Others that held a cell without payload at a position: it shows as zeros, as an unwritten one does. */
export function zeroOrigins(position: number, at: number, others: readonly Context[]): CellOrigin[] {
  return others.flatMap((context) => {
    const token = heldBefore(context, at)[position];
    return token === undefined || token === NO_EVIDENCE || isPayload(token) ? [] : [originAt(context, position)];
  });
}
