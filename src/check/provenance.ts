/**
 * Provenance: whose cells a wrong answer was read from.
 *
 * A narrow answer names the token that lay in the cell, so the cells that held it are the candidates, those first that
 * explain most of the wrong tokens that follow.
 * A scan answer names one digit, so every segment whose family has it is a candidate. Candidates are all returned: one
 * is certain, several are ambiguous, none is unknown.
 */

import { expectedTokens } from "../trace/prompt.ts";
import { shown } from "../trace/write-out.ts";
import { digitsOf, isPayload, tokenKind } from "../tracer/vocabulary.ts";
import { askedPosition, type Context, heldBefore, placeOf, wrongRun } from "./context.ts";
import type { AnomalyClass, CellOrigin } from "./finding.ts";

export interface Provenance {
  readonly class: AnomalyClass;
  readonly origins: readonly CellOrigin[];
}

const UNKNOWN: Provenance = { class: "unexplained", origins: [] };

/**
 * @param victim the request with the wrong answer
 * @param index its first wrong token
 * @param at when that token arrived, microseconds
 * @param contexts every request of the run
 */
export function provenance(victim: Context, index: number, at: number, contexts: readonly Context[]): Provenance {
  const wrong = wrongRun(victim.request, victim.answer, index);
  const others = contexts.filter((c) => c !== victim && c.sentAt <= at);
  const swapped = rowSwap(victim, wrong, at, others);
  const token = tokenKind(wrong[0]!);
  if (token.kind === "bad") return foreign(victim, scanOrigins(token.digit, token.value, at, others), others);
  // An alarm tells that some key is not its own, not whose it is.
  if (token.kind === "err") return UNKNOWN;
  if (!isPayload(wrong[0]!)) return swapped;
  const asked = askedPosition(victim.request, index);
  if (asked === null) return swapped;

  const theirs = others.flatMap((context) => runsOf(context, wrong, at));
  const own = runsOf(victim, wrong, at).filter((m) => m.origin.position !== asked);
  const everywhere = longest([...theirs, ...own]);
  const samePlace = everywhere.filter((o) => o.position === asked);
  if (samePlace.length > 0) return foreign(victim, samePlace, others);
  if (swapped.origins.length > 0) return swapped;
  const mixed = mixedDigits(victim, asked, wrong[0]!, at, others);
  // Zeros are an unwritten cell, or the cell of any read token: they say nothing of a place.
  if (mixed.class === "unwritten read") return mixed;
  // One token may stand anywhere by chance: digits that fit at the asked position say more than that.
  const chance = Math.max(0, ...[...theirs, ...own].map((m) => m.tokens)) <= 1;
  if (chance && mixed.class !== "unexplained") return mixed;
  if (everywhere.every((o) => o.request === victim.request.id) && everywhere.length > 0) {
    return { class: "shifted read", origins: everywhere };
  }
  return foreign(victim, everywhere, others);
}

/** A place where the wrong answer fits, and how many of its tokens do. */
interface Match {
  readonly origin: CellOrigin;
  readonly tokens: number;
}

/** Every place in a context whose cell shows the first wrong token, with the length of the run that fits from there. */
function runsOf(context: Context, wrong: readonly number[], at: number): Match[] {
  const matches: Match[] = [];
  const held = heldBefore(context, at).map(shown);
  for (let start = 0; start < held.length; start++) {
    const tokens = fitting(held, start, wrong);
    if (tokens > 0) matches.push({ origin: originAt(context, start), tokens });
  }
  return matches;
}

/** How many of the wrong tokens stand in `tokens` from `start` on. */
function fitting(tokens: ArrayLike<number>, start: number, wrong: readonly number[]): number {
  let count = 0;
  while (count < wrong.length && tokens[start + count] === wrong[count]) count++;
  return count;
}

/** The places that explain most tokens: a chance match is short. */
function longest(matches: readonly Match[]): CellOrigin[] {
  const most = Math.max(0, ...matches.map((m) => m.tokens));
  return matches.filter((m) => m.tokens === most).map((m) => m.origin);
}

function originAt(context: Context, position: number): CellOrigin {
  return { request: context.request.id, position, place: placeOf(context.request, position) };
}

/** First cell with this digit in each other request that has one. */
function scanOrigins(digit: number, value: number, at: number, others: readonly Context[]): CellOrigin[] {
  return others.flatMap((context) => {
    const position = heldBefore(context, at).findIndex((token) => isPayload(token) && digitsOf(token)[digit] === value);
    return position < 0 ? [] : [originAt(context, position)];
  });
}

/**
 * Cells of another request. Stale, if all that had them ended by themselves before the victim was sent; foreign, if one
 * was still running or was cancelled, since what it started may have gone on.
 */
function foreign(victim: Context, origins: readonly CellOrigin[], others: readonly Context[]): Provenance {
  if (origins.length === 0) return UNKNOWN;
  const over = origins.every(({ request }) => {
    const owner = others.find((c) => c.request.id === request) ?? victim;
    return !owner.cancelled && owner.settledAt !== null && owner.settledAt < victim.sentAt;
  });
  return { class: over ? "stale read" : "foreign read", origins };
}

/** Requests that ran at the same time and whose own answer has the wrong tokens. */
function rowSwap(victim: Context, wrong: readonly number[], at: number, others: readonly Context[]): Provenance {
  const matches = others.flatMap((context): Match[] => {
    const { request, settledAt, sentAt } = context;
    if (sentAt > at || (settledAt !== null && settledAt < victim.sentAt)) return [];
    const theirs = expectedTokens(request);
    const all = Array.from(theirs, (_, start) => ({ start, tokens: fitting(theirs, start, wrong) }));
    if (all.length === 0) return [];
    const best = all.reduce((a, b) => (b.tokens > a.tokens ? b : a));
    if (best.tokens === 0) return [];
    const position = request.prompt.length + best.start;
    return [{ origin: { request: request.id, position, place: `answer[${best.start}]` }, tokens: best.tokens }];
  });
  const origins = longest(matches);
  return origins.length > 0 ? { class: "row swap", origins } : UNKNOWN;
}

/** Some digits are the cell's own and the others are zero (unwritten) or of another request (torn). */
function mixedDigits(
  victim: Context,
  asked: number,
  observed: number,
  at: number,
  others: readonly Context[],
): Provenance {
  const seen = digitsOf(observed);
  const own = digitsOf(victim.request.prompt[asked] ?? 0);
  const strange = [0, 1, 2].filter((digit) => seen[digit] !== own[digit]);
  if (strange.every((digit) => seen[digit] === 0)) return { class: "unwritten read", origins: [] };
  const origins = others.flatMap((context) => {
    const token = heldBefore(context, at)[asked];
    const fits = token !== undefined && isPayload(token) && strange.every((d) => digitsOf(token)[d] === seen[d]);
    return fits ? [originAt(context, asked)] : [];
  });
  return origins.length > 0 ? { class: "torn read", origins } : UNKNOWN;
}
