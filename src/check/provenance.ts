/**
 * Provenance: whose cells a wrong answer was read from.
 *
 * A narrow answer names the token that lay in the cell, so the cells that held this run of tokens are the candidates.
 * A scan answer names one digit, so every segment whose family has it is a candidate. Candidates are all returned: one
 * is certain, several are ambiguous, none is unknown.
 */

import { expectedTokens } from "../trace/prompt.ts";
import { digitsOf, isPayload, tokenKind } from "../tracer/vocabulary.ts";
import { askedPosition, type Context, placeOf, wrongRun } from "./context.ts";
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
  const answer = victim.tokens.slice(victim.request.prompt.length);
  const wrong = wrongRun(victim.request, answer, index);
  const others = contexts.filter((c) => c !== victim && c.sentAt <= at);
  const swapped = rowSwap(victim, wrong, at, others);
  const token = tokenKind(wrong[0]!);
  if (token.kind === "bad") return foreign(victim, scanOrigins(token.digit, token.value, others), others);
  if (!isPayload(wrong[0]!)) return swapped;
  const asked = askedPosition(victim.request, index);
  if (asked === null) return swapped;

  const found = (context: Context) => runsOf(context, wrong);
  const samePlace = others.flatMap((c) => found(c).filter((o) => o.position === asked));
  if (samePlace.length > 0) return foreign(victim, samePlace, others);
  if (swapped.origins.length > 0) return swapped;
  const own = found(victim).filter((o) => o.position !== asked);
  if (own.length > 0) return { class: "shifted read", origins: own };
  const elsewhere = others.flatMap(found);
  if (elsewhere.length > 0) return foreign(victim, elsewhere, others);
  return mixedDigits(victim, asked, wrong[0]!, others);
}

/** Every place in a context that holds these tokens in a row. */
function runsOf(context: Context, wrong: readonly number[]): CellOrigin[] {
  const origins: CellOrigin[] = [];
  for (let start = 0; start + wrong.length <= context.tokens.length; start++) {
    if (wrong.every((token, i) => context.tokens[start + i] === token)) origins.push(originAt(context, start));
  }
  return origins;
}

function originAt(context: Context, position: number): CellOrigin {
  return { request: context.request.id, position, place: placeOf(context.request, position) };
}

/** First cell with this digit in each other request that has one. */
function scanOrigins(digit: number, value: number, others: readonly Context[]): CellOrigin[] {
  return others.flatMap((context) => {
    const position = context.tokens.findIndex((token) => isPayload(token) && digitsOf(token)[digit] === value);
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
    const owner = others.find((c) => c.request.id === request)!;
    return !owner.cancelled && owner.settledAt !== null && owner.settledAt < victim.sentAt;
  });
  return { class: over ? "stale read" : "foreign read", origins };
}

/** Requests that ran at the same time and whose own answer contains this run of tokens. */
function rowSwap(victim: Context, wrong: readonly number[], at: number, others: readonly Context[]): Provenance {
  const running = others.filter((c) => c.settledAt === null || c.settledAt >= victim.sentAt);
  const origins = running.flatMap((context) => {
    const { request } = context;
    const theirs = expectedTokens(request);
    const start = theirs.findIndex((_, i) => wrong.every((token, j) => theirs[i + j] === token));
    if (start < 0 || context.sentAt > at) return [];
    return [{ request: request.id, position: request.prompt.length + start, place: `answer[${start}]` }];
  });
  return origins.length > 0 ? { class: "row swap", origins } : UNKNOWN;
}

/** Some digits are the cell's own and the others are zero (unwritten) or of another request (torn). */
function mixedDigits(victim: Context, asked: number, observed: number, others: readonly Context[]): Provenance {
  const seen = digitsOf(observed);
  const own = digitsOf(victim.tokens[asked]!);
  const strange = [0, 1, 2].filter((digit) => seen[digit] !== own[digit]);
  if (strange.every((digit) => seen[digit] === 0)) return { class: "unwritten read", origins: [] };
  const origins = others.flatMap((context) => {
    const token = context.tokens[asked];
    const fits = token !== undefined && isPayload(token) && strange.every((d) => digitsOf(token)[d] === seen[d]);
    return fits ? [originAt(context, asked)] : [];
  });
  return origins.length > 0 ? { class: "torn read", origins } : UNKNOWN;
}
