/**
 * The name of an anomaly, from what was expected, what was observed, and what the run knows. Pure, and never a guess:
 * every class that the evidence fits is returned. docs/anomalies.md defines the classes and says what tells them apart.
 */

import { expectedTokens } from "../trace/prompt.ts";
import { DIGITS, digitsOf, isPayload, scanAllows, tokenKind } from "../tracer/vocabulary.ts";
import { digitMixUps, otherAdapters } from "./adapter-mix-up.ts";
import { askedPosition, type Context } from "./context.ts";
import { type AnomalyClass, type CellOrigin, isOthers, type Reading } from "./finding.ts";
import { grammarAllows, lostGrammar, othersGrammars, ownGrammar } from "./grammars.ts";
import { keptOutput } from "./kept-output.ts";
import { type ReadTime, readingsOf, readTime } from "./lifetime.ts";
import { strangeRivals } from "./logprobs.ts";
import { parameterFits } from "./parameters.ts";
import { type PhantomHit, phantomHit, unearnedHit } from "./phantom.ts";
import {
  chance,
  digitOrigins,
  type Fit,
  narrowFits,
  type Observed,
  observedFrom,
  rowFit,
  tailFits,
  zeroOrigins,
} from "./provenance.ts";

export interface Evidence {
  readonly victim: Context;
  /**
   * The first wrong generated token, or the first right one with another row's log-probabilities; the answer's length if
   * one is missing there; null if there is none of these.
   */
  readonly index: number | null;
  /** Every request of the run, the victim included. */
  readonly contexts: readonly Context[];
  /** When the caches were emptied during the run, microseconds. */
  readonly flushes: readonly number[];
  /** How far times at the client may be from those in the engine, microseconds; 0 in virtual time. */
  readonly slack: number;
  /** Whether requests before the run may have left cells in the server's memory: emptying a cache wipes none. */
  readonly used: boolean;
}

/** Readings that fit, best first: one is certain, several are ambiguous. */
export type Readings = readonly [Reading, ...Reading[]];

const named = (kind: AnomalyClass): Reading => ({ class: kind, origins: [] });
/** Something that no class names, or a fit by chance. */
const UNEXPLAINED = named("unexplained");
/** An alarm tells that a key is not the prompt's own: it is another's, or nobody wrote it. Whose, it does not tell. */
function alarmReadings(victim: Context, others: readonly Context[]): Readings {
  const mixedUp = otherAdapters(victim, others).length > 0 ? [named("adapter mix-up")] : [];
  return [named("foreign read"), named("unwritten read"), ...mixedUp];
}

/** A fit that as many places would give by chance proves nothing. */
const CHANCE_MOST = 1e-3;

export function classify(evidence: Evidence): Readings {
  const { victim, index } = evidence;
  const { answer, request, status } = victim;
  const rivals = index === null ? null : strangeRivals(victim, index);
  if (rivals !== null) return strangeLogprobs(evidence, index!, rivals);
  const wrong = index !== null && index < Math.min(answer.length, request.maxTokens);
  if (wrong) return wrongToken(evidence, index);
  if (answer.length > request.maxTokens) return surplus(victim);
  if (status === "finished" && answer.length === request.maxTokens) {
    const phantom = unearnedHit(victim, evidence.contexts, evidence.flushes);
    return [phantom === null ? UNEXPLAINED : named("phantom hit")];
  }
  return [named(status === "finished" ? "lost tail" : "unsettled request")];
}

/** The tokens are right: no cell is to blame. */
function strangeLogprobs({ victim, contexts, slack }: Evidence, index: number, rivals: Observed): Readings {
  if (rivals.tokens.length === 0) return [UNEXPLAINED];
  const time = readTime(victim, index, contexts, slack);
  const others = contexts.filter((c) => c !== victim && c.sentAt <= time.to);
  return settled([rowFit(victim, rivals, time.to, others)], contexts, time);
}

/** All tokens are right, and then there are more. */
function surplus(victim: Context): Readings {
  const { answer, request } = victim;
  const expected = [...expectedTokens(request)];
  const more = answer.slice(expected.length);
  const twice = more.every((token, i) => token === expected[expected.length - more.length + i]);
  if (!twice) return [UNEXPLAINED];
  // A scan's tokens are all the same: an answer that went on too long looks as one that came twice.
  const certain = request.read === "narrow" && chance({ places: 1, digits: DIGITS * more.length }) <= CHANCE_MOST;
  return certain ? [named("repeated tail")] : [named("repeated tail"), UNEXPLAINED];
}

function wrongToken(evidence: Evidence, index: number): Readings {
  const { victim, contexts, slack } = evidence;
  const at = victim.answerTimes[index]!;
  const others = contexts.filter((c) => c !== victim && c.sentAt <= at);
  const time = readTime(victim, index, contexts, slack);
  const kept = keptOutput(victim, others);
  if (kept !== null) return [{ class: "row swap", origins: kept }];
  if (!grammarAllows(victim, index)) return outsideGrammar(evidence, index, time, others);
  const alarm = tokenKind(victim.answer[index]!).kind === "err";
  if (victim.request.read === "dice" && !alarm)
    return withMasks(dice(evidence, index, time, others), evidence, index, others);
  // Null where the token tells of the whole context.
  const asked = alarm ? null : askedPosition(victim.request, index);
  const readings = alarm
    ? alarmReadings(victim, others)
    : asked === null
      ? scan(evidence, index, time, others)
      : narrow(evidence, asked, index, time, others);
  const phantom = phantomHit(victim, contexts, evidence.flushes);
  const all = phantom !== null && mayCover(phantom, asked) ? asPhantom(readings) : readings;
  return withMasks(all, evidence, index, others);
}

/**
 * Its grammar allows no such token there, so that no cell can be to blame while the grammar holds it: it is another's row,
 * or a grammar at another token than this one.
 */
function outsideGrammar(evidence: Evidence, index: number, time: ReadTime, others: readonly Context[]): Readings {
  const { victim, contexts } = evidence;
  const seen = observedFrom(victim, index);
  const found = settled([rowFit(victim, seen, time.to, others), ...tailFits(victim, index, seen)], contexts, time);
  const kept = found.filter((r) => r.class !== "unexplained");
  const tail = kept.some((r) => r.class === "repeated tail" || r.class === "lost tail");
  // An answer that steps back may have been sent twice: then no grammar need be to blame, and nobody's is named.
  const own = tail && kept.every((r) => r.origins.length === 0) ? [] : ownGrammar(victim, index, seen);
  const held = [...own, ...(tail ? [] : othersGrammars(seen, others, false))];
  const lost = lostGrammar(victim, seen, others);
  const leaked: Reading[] =
    held.length + lost.length > 0 || tail ? [{ class: "leaked parameter", origins: [...held, ...lost] }] : [];
  const [first, ...rest] = [...leaked, ...kept];
  if (leaked.length === 0 || first === undefined) return found;
  // A grammar that was lost need not have gone anywhere.
  return lost.length > 0 ? [first, ...rest, UNEXPLAINED] : [first, ...rest];
}

/** With the masks of others that would have it answer so: lists of allowed tokens, and grammars. */
function withMasks(readings: Readings, evidence: Evidence, index: number, others: readonly Context[]): Readings {
  const readingsOfLists = withAllowed(readings, evidence, index, others);
  const { victim } = evidence;
  const whole = isPayload(victim.answer[index]!) && victim.request.read !== "scan" && victim.request.read !== "dice";
  const origins = othersGrammars(observedFrom(victim, index), others, whole);
  if (origins.length === 0) return readingsOfLists;
  const leaked: Reading = { class: "leaked parameter", origins };
  const explained = readingsOfLists.filter((r) => r.class !== "unexplained");
  const [first = leaked, ...rest] = merged([...explained, leaked]);
  return explained.length < readingsOfLists.length ? [first, ...rest, UNEXPLAINED] : [first, ...rest];
}

/**
 * A row that is held to another's allowed tokens answers what the other should, also when the other has long left. Cells
 * may hold payload for other reasons: that is another's allowed token only where it may be another's row.
 */
function withAllowed(readings: Readings, { victim }: Evidence, index: number, others: readonly Context[]): Readings {
  const token = victim.answer[index]!;
  const { kind } = tokenKind(token);
  if (kind !== "scan" && kind !== "rung" && !readings.some((r) => r.class === "row swap")) return readings;
  const origins = others.flatMap(({ options, request }) => {
    if (!options?.allow?.includes(token)) return [];
    return { request: request.id, position: request.prompt.length, place: "allowed tokens" };
  });
  if (origins.length === 0) return readings;
  const leaked: Reading = { class: "leaked parameter", origins };
  return readings[0] === UNEXPLAINED ? [leaked, UNEXPLAINED] : [...readings, leaked];
}

/** A scan or an alarm reads the cells that were hit for nothing, whatever else it reads; a narrow read does if it asks there. */
function mayCover({ held, cached }: PhantomHit, asked: number | null): boolean {
  return asked === null || (asked >= held && asked < cached);
}

/**
 * Whose cells they are is what they were without it, nobody's where that may be chance. What no cell can cause stays as it is.
 */
function asPhantom(readings: Readings): Readings {
  const cells = readings.filter(
    (r) =>
      r.class !== "row swap" &&
      r.class !== "leaked parameter" &&
      r.class !== "repeated tail" &&
      r.class !== "lost tail",
  );
  if (cells.length === 0) return readings;
  const byChance = cells.some((r) => r.class === "unexplained");
  const origins = byChance ? [] : cells.flatMap((r) => r.origins).filter(distinct);
  return [{ class: "phantom hit", origins }, ...readings.filter((r) => !cells.includes(r))];
}

const same = (a: Reading["origins"][number], b: Reading["origins"][number]): boolean =>
  a.request === b.request && a.position === b.position;

/** A token or digit of no cell in this run. In a server that was used before, an earlier run's request may have left it. */
function ofNoCell({ used }: Evidence): Readings {
  return used ? [named("stale read"), UNEXPLAINED] : [UNEXPLAINED];
}

function scan(evidence: Evidence, index: number, time: ReadTime, others: readonly Context[]): Readings {
  const { victim, contexts } = evidence;
  const token = tokenKind(victim.answer[index]!);
  if (token.kind === "bad") {
    if (scanAllows(victim.request.prompt.at(-1)!, token.digit, token.value))
      return scannedAs(victim, token, time.to, others);
    const mixedUp = digitMixUps(victim, token.digit, token.value, time.to, others);
    const [first, ...rest] = [
      ...(mixedUp.length > 0 ? [{ class: "adapter mix-up" as const, origins: mixedUp }] : []),
      ...readingsOf(digitOrigins(victim, token.digit, token.value, time.to, others), contexts, time),
    ];
    return first ? [first, ...rest] : ofNoCell(evidence);
  }
  // No cell makes a scan answer anything but itself or `bad`: this is another row's answer.
  const seen = observedFrom(victim, index);
  return settled([rowFit(victim, seen, time.to, others)], contexts, time);
}

/** One or two wrong rungs may be anything's. */
const SURE_RUNGS = 3;

/** No cell moves dice: their answer is another's parameter's, or another row's. */
function dice({ victim, contexts }: Evidence, index: number, time: ReadTime, others: readonly Context[]): Readings {
  const seen = observedFrom(victim, index);
  const fits = parameterFits(victim, index, seen, others);
  const row = rowFit(victim, seen, time.to, others);
  const tokens = fits[0]?.tokens ?? 0;
  const swapped = row.digits > 0 && row.digits >= DIGITS * tokens ? settled([row], contexts, time) : [];
  const better = swapped.length > 0 && row.digits > DIGITS * tokens;
  const leaked: Reading[] =
    tokens === 0 || better ? [] : [{ class: "leaked parameter", origins: fits.map((fit) => fit.origin) }];
  const [first, ...rest] = [...leaked, ...swapped];
  if (first === undefined) return [UNEXPLAINED];
  // A parameter that was lost need not have gone anywhere.
  const sure = leaked.length === 0 || (tokens >= SURE_RUNGS && !fits.some((fit) => fit.lost));
  return sure ? [first, ...rest] : [first, ...rest, UNEXPLAINED];
}

/**
 * A digit that the own scan allows is named by a scan that does not: a decode step was fed its token, or the row is its
 * own.
 */
function scannedAs(
  victim: Context,
  { digit, value }: { readonly digit: number; readonly value: number },
  at: number,
  others: readonly Context[],
): Readings {
  const origins = others.flatMap(({ request, sentAt, settledAt }): CellOrigin[] => {
    const besides = sentAt <= at && (settledAt === null || settledAt >= victim.sentAt);
    if (!besides || request.read !== "scan" || scanAllows(request.prompt.at(-1)!, digit, value)) return [];
    return [{ request: request.id, position: request.prompt.length, place: "answer[0]" }];
  });
  return origins.length === 0 ? [UNEXPLAINED] : [{ class: "row swap", origins }];
}

/**
 * Held to the tokens of its own answer, or to a grammar, a read answers with one of these whatever the cells hold; dice
 * read none.
 */
export function isMasked({ answer, options, request }: Context, index: number | null): boolean {
  if (index === null || request.read === "dice") return false;
  if (options?.grammar) return true;
  return options?.allow?.includes(answer[index]!) ?? false;
}

function narrow(
  evidence: Evidence,
  asked: number,
  index: number,
  time: ReadTime,
  others: readonly Context[],
): Readings {
  const { victim, contexts } = evidence;
  const seen = observedFrom(victim, index);
  const [first] = seen.tokens;
  if (!isPayload(first!)) return settled([rowFit(victim, seen, time.to, others)], contexts, time);
  const own = digitsOf(expectedTokens(victim.request)[index]!);
  const digits = digitsOf(first!);
  const strange = [0, 1, 2].filter((digit) => digits[digit] !== own[digit]);
  const masked = isMasked(victim, index);
  if (!masked && strange.every((digit) => digits[digit] === 0)) {
    const zeros = zeroOrigins(asked, time.to, others);
    const theirs: Reading[] =
      strange.length === 3
        ? readingsOf(zeros, contexts, time)
        : zeros.length > 0
          ? [{ class: "torn read", origins: zeros }]
          : [];
    // The nearest cell that is there may be one without payload: what lies at the asked place is open then.
    return [named("unwritten read"), ...theirs, UNEXPLAINED];
  }
  const fits = narrowFits(victim, asked, index, seen, others);
  if (fits.length === 0) return masked ? [UNEXPLAINED] : ofNoCell(evidence);
  const readings = settled(fits, contexts, time);
  if (masked) {
    const tail = readings.find((r) => r.class === "lost tail" || r.class === "repeated tail");
    return tail ? [tail, UNEXPLAINED] : [UNEXPLAINED];
  }
  return asked < victim.request.prompt.length ? readings : withFed(readings);
}

/** A cell of the own answer may be right, and hold what another row was to be fed. */
function withFed(readings: Readings): Readings {
  const origins = readings.filter((r) => isOthers(r.class) || r.class === "torn read").flatMap((r) => r.origins);
  if (origins.length === 0 || readings.some((r) => r.class === "row swap")) return readings;
  return [...readings, { class: "row swap", origins: origins.filter(distinct) }];
}

const distinct = (o: CellOrigin, i: number, all: readonly CellOrigin[]): boolean =>
  all.findIndex((p) => same(o, p)) === i;

/** What the best fits are called. Where the best is no better than chance, that is said too. */
function settled(fits: readonly Fit[], contexts: readonly Context[], time: ReadTime): Readings {
  // Where the length of the answer says the same, the cells need no explanation.
  const tail = fits.some((fit) => fit.kind === "repeated" || fit.kind === "lost");
  const found = fits.filter((fit) => fit.digits > 0 && !(tail && fit.kind === "own elsewhere"));
  const sound = found.filter((fit) => chance(fit) <= CHANCE_MOST);
  const likeliest = Math.min(...found.map(chance));
  const most = Math.max(...sound.map((fit) => fit.digits));
  const best =
    sound.length > 0 ? sound.filter((fit) => fit.digits === most) : found.filter((fit) => chance(fit) === likeliest);
  const readings = best.flatMap((fit) => readingsOfFit(fit, contexts, time));
  const [first, ...rest] = merged(sound.length > 0 ? readings : [...readings, UNEXPLAINED]);
  return first ? [first, ...rest] : [UNEXPLAINED];
}

function readingsOfFit(fit: Fit, contexts: readonly Context[], time: ReadTime): Reading[] {
  const { kind, origins } = fit;
  switch (kind) {
    case "theirs":
      return readingsOf(origins, contexts, time);
    case "theirs elsewhere":
      return [...readingsOf(origins, contexts, time), { class: "torn read", origins }];
    case "own elsewhere":
      return [{ class: "shifted read", origins }];
    case "own edge":
      return [named("unwritten read"), UNEXPLAINED];
    case "torn":
      return [{ class: "torn read", origins }];
    case "adapter":
      return [{ class: "adapter mix-up", origins }];
    case "row":
      return [{ class: "row swap", origins }];
    case "repeated":
    case "repeated and cut":
      return [named("repeated tail")];
    case "lost":
      return [named("lost tail")];
  }
}

/** One reading for each class, in order of first mention. */
function merged(readings: readonly Reading[]): Reading[] {
  const byClass = new Map<AnomalyClass, Reading>();
  for (const { class: kind, origins } of readings) {
    const before = byClass.get(kind)?.origins ?? [];
    byClass.set(kind, { class: kind, origins: [...before, ...origins] });
  }
  return [...byClass.values()];
}
