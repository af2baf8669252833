/** From a law's witness to an anomaly that a person understands. */

import { type Answer, answersIn, flushTimes, serverLoss } from "../history/outcome.ts";
import { formatPrompt } from "../trace/print.ts";
import { expectedTokens } from "../trace/prompt.ts";
import { type AdapterName, storedToken } from "../tracer/adapter.ts";
import { DIGITS, digitsOf, tokenKind, tokenName } from "../tracer/vocabulary.ts";
import { classify, type Evidence, isMasked } from "./anomaly.ts";
import { tellsApart } from "./apart.ts";
import { askedPosition, type Context, contextsOf, placeOf, wrongRun } from "./context.ts";
import { type Anomaly, type CellOrigin, isOthers, type Reading } from "./finding.ts";
import { strangeRivals } from "./logprobs.ts";
import { type PhantomHit, phantomHit, unearnedHit } from "./phantom.ts";
import type { Run } from "./property.ts";
import { answerName, type Witness, whose } from "./verdict.ts";

const EVIDENCE_TOKENS = 8;
/** How far times at the client of a real server may be from those in the engine, microseconds. */
const SLACK = 5000;

/** @param blockSize cells a block, to say which block a position lies in; 1 where the engine has no blocks */
export function explainWitness(run: Run, witness: Witness, blockSize: number): Anomaly {
  const request = run.requests.get(witness.request)!;
  const { choices, maxTokens } = request;
  const outcome = answersIn(run.outcomes.get(witness.request)!, choices)[witness.choice ?? 0]!;
  const isWrong = (index: number) => wrongRun(request, outcome.tokens, index, 1).length > 0;
  // A law that compares twins may point at a token that is right where the twin's is wrong.
  const elsewhere = outcome.tokens.findIndex((_, i) => isWrong(i));
  const index = witness.index === null || isWrong(witness.index) || elsewhere < 0 ? witness.index : elsewhere;
  const evidence = evidenceOf(run, witness, index);
  if (index !== null && isWrong(index)) return wrongToken(run, outcome, index, evidence, blockSize);
  if (index !== null && strangeRivals(evidence.victim, index) !== null)
    return strangeLogprobs(outcome, witness, index, evidence);
  const loss = serverLoss(run.history);
  if (loss !== null && index === null) return lostServer(run, outcome, witness, loss.how);
  const [{ class: kind, origins }, ...or] = classify(evidence);
  const explanation =
    kind === "lost tail" || kind === "unsettled request"
      ? missing(outcome, maxTokens)
      : kind === "phantom hit"
        ? `${unearnedSentence(evidence, blockOf(blockSize))} Its tokens are right, so the cells hold what they should; that the engine has them tells this request what another one asked.`
        : [wrongEnd(outcome, witness, kind), ...apart([{ class: kind, origins }, ...or])].join(" ");
  return {
    class: kind,
    or,
    ...whose(outcome),
    index: kind === "lost tail" ? outcome.tokens.length : kind === "unsettled request" ? null : witness.index,
    expected: [witness.expected],
    observed: [witness.observed],
    position: null,
    origins,
    explanation,
  };
}

/** Right tokens with log-probabilities of another row. */
function strangeLogprobs(answer: Answer, { expected, observed }: Witness, index: number, evidence: Evidence): Anomaly {
  const readings = classify(evidence);
  const [{ class: kind, origins }, ...or] = readings;
  const names = placesOf(origins, null, String);
  const owner =
    origins.length === 0
      ? "No other request's answer says whose they are."
      : `That is what ${names} should be: the log-probabilities of another row.`;
  return {
    class: kind,
    or,
    ...whose(answer),
    index,
    expected: [expected],
    observed: [observed],
    position: null,
    origins,
    explanation: `Answer ${index} of ${answerName(whose(answer))} is right, but came with log-probabilities that cannot be its own: ${observed}. A right token has 0 nats, and no other comes within 25. ${owner}`,
  };
}

/** A position, and the block that it lies in. */
function blockOf(blockSize: number): (position: number) => string {
  return (p) => (blockSize > 1 ? `position ${p} (block ${Math.floor(p / blockSize)})` : `position ${p}`);
}

function phantomSentence({ victim, contexts, flushes }: Evidence, block: (position: number) => string): string {
  return hitSentence(victim.request.id, phantomHit(victim, contexts, flushes)!, "no earlier request", block);
}

function unearnedSentence({ victim, contexts, flushes }: Evidence, block: (position: number) => string): string {
  const { id, salt, adapter } = victim.request;
  const its = [...(salt === null ? [] : [`salt ${salt}`]), ...(adapter === null ? [] : [`adapter ${adapter}`])];
  const whose = its.length === 0 ? "no earlier request" : `no earlier request with its ${its.join(" and ")}`;
  return hitSentence(id, unearnedHit(victim, contexts, flushes)!, whose, block);
}

function hitSentence(
  request: string,
  { held, cached }: PhantomHit,
  whose: string,
  block: (position: number) => string,
): string {
  return `The engine took ${cached} tokens of the prompt of ${request} from its cache, up to ${block(cached - 1)}, but ${whose} held more than ${held} of them.`;
}

function evidenceOf(run: Run, about: Witness, index: number | null): Evidence {
  const contexts = contextsOf(run, about);
  return {
    victim: contexts.find((c) => c.request.id === about.request)!,
    index,
    contexts,
    flushes: flushTimes(run.history),
    slack: run.history.header.clock === "virtual" ? 0 : SLACK,
    used: run.history.header.clock !== "virtual",
  };
}

/** All tokens are there, and then more of them, or another finish reason than twins got. */
function wrongEnd(answer: Answer, { expected, observed }: Witness, kind: Anomaly["class"]): string {
  const end = `${answerName(whose(answer))} ended otherwise than it should: expected ${expected}, got ${observed}.`;
  return kind === "repeated tail" ? `${end} The last tokens of its answer came twice.` : `${end} No cell tells why.`;
}

function lostServer({ outcomes }: Run, { id, sentAt }: Answer, { expected, observed }: Witness, how: string): Anomaly {
  const open = [...outcomes.values()].filter((o) => o.status === "open" || o.status === "failed").map((o) => o.id);
  const victims = open.length === 0 ? "No request was open." : `Open were ${open.join(", ")}.`;
  return {
    class: "lost server",
    or: [],
    request: id,
    index: null,
    expected: [expected],
    observed: [observed],
    position: null,
    origins: [],
    explanation: `The server ended ${how}, after ${id} was sent ${(sentAt / 1000).toFixed(1)} ms into the run. ${victims}`,
  };
}

function missing(answer: Answer, maxTokens: number): string {
  const { error, status, tokens } = answer;
  const name = answerName(whose(answer));
  const got = `${tokens.length} of ${maxTokens} tokens`;
  if (status === "finished") return `${name} finished with ${got}: the rest of its answer is lost.`;
  const end = error ? `failed with "${error}"` : "was still open when the run ended";
  return `${name} did not settle: after ${got} it ${end}.`;
}

function wrongToken(run: Run, outcome: Answer, index: number, evidence: Evidence, blockSize: number): Anomaly {
  const { request } = evidence.victim;
  const readings = classify(evidence);
  const [{ class: kind, origins }, ...or] = readings;
  const at = outcome.tokenTimes[index]!;
  const observed = wrongRun(request, outcome.tokens, index, EVIDENCE_TOKENS);
  const expected = [...expectedTokens(request)].slice(index, index + observed.length);
  const position = askedPosition(request, index);
  const names = (ids: readonly number[]) => ids.map(tokenName);

  const name = answerName(whose(outcome));
  const block = blockOf(blockSize);
  const asked =
    request.read === "dice"
      ? `${name} threw dice (${formatPrompt(request.parts)}) and should have answered ${tokenName(expected[0]!)}, whatever its cells hold`
      : position === null
        ? `${name} scanned its own ${cells(request.turns.at(-1)!.start)} (${formatPrompt(request.parts)}) and should have answered ${tokenName(expected[0]!)}`
        : `${name} asked for its own cell at ${block(position)}, which is ${placeOf(request, position)}, and should have got ${tokenName(expected[0]!)}`;
  const got = `answer ${index} is ${tokenName(observed[0]!)} instead`;
  const alarm = alarmed(outcome.id, observed[0]!, readings);
  // What an alarm admits is told by its own sentences; a phantom hit is more than that.
  const toTell = alarm === null ? readings : readings.filter((r) => r.class === "phantom hit");
  const says = told(toTell).map((reading) =>
    meaning(reading, { evidence, expected: expected[0]!, observed, position, block }),
  );
  const sentences = [
    `${asked}; ${got}.`,
    ...(alarm ?? []),
    ...says.map((text, i) => (i === 0 ? text : `Or ${text[0]!.toLowerCase()}${text.slice(1)}`)),
    ...(alarm === null ? apart(readings) : []),
  ];
  const owners = readings.flatMap((r) => r.origins);
  const before = justBefore(run, outcome, owners, at);
  if (before !== "") sentences.push(before);
  return {
    class: kind,
    or,
    ...whose(outcome),
    index,
    expected: names(expected),
    observed: names(observed),
    position,
    origins,
    explanation: sentences.join(" "),
  };
}

/** What an alarm says: its layer, and not whose the key was. Null for other answers. */
function alarmed(request: string, observed: number, readings: readonly Reading[]): string[] | null {
  const token = tokenKind(observed);
  if (token.kind !== "err") return null;
  const adapter = readings.some((r) => r.class === "adapter mix-up") ? ", was computed under another adapter" : "";
  return [
    `That is the alarm of layer ${token.layer}: a key of its context does not carry the marks of ${request}, so it is another prompt's${adapter} or was never written. Whose, an alarm does not tell.`,
    "To tell these apart: the same request without its nonce, so that its answer comes from the cells themselves.",
  ];
}

const cells = (n: number): string => `${n} ${n === 1 ? "cell" : "cells"}`;

function apart(readings: readonly Reading[]): string[] {
  const ways = tellsApart(readings);
  return ways.length === 0 ? [] : [`To tell these apart: ${ways.join("; ")}.`];
}

/** Another request's cells are told once, whether their owner was still at work or not. */
function told(readings: readonly Reading[]): (Reading & { readonly alive?: "unknown" })[] {
  const theirs = readings.filter((r) => isOthers(r.class));
  if (theirs.length < 2) return [...readings];
  const origins = theirs.flatMap((r) => r.origins);
  const both = { class: "foreign read" as const, origins, alive: "unknown" as const };
  return readings.flatMap((r) => (r === theirs[0] ? both : theirs.includes(r) ? [] : r));
}

/** A wrong token, with what its readings are told by. */
interface WrongToken {
  readonly evidence: Evidence;
  readonly expected: number;
  readonly observed: readonly number[];
  /** Null for a scan and for dice. */
  readonly position: number | null;
  readonly block: (position: number) => string;
}

/** What one reading says of the cells, in a sentence. */
function meaning(
  { class: kind, origins, alive }: ReturnType<typeof told>[number],
  { evidence, expected, observed, position, block }: WrongToken,
): string {
  const { victim, contexts, index } = evidence;
  const scan = position === null;
  const tokens = scan ? 1 : inARow(kind, origins[0], observed, contexts);
  const run = tokens > 1 ? `These ${tokens} tokens in a row are` : "That is";
  const named = placesOf(origins, position, block);
  const certainty =
    new Set(origins.map((o) => `${o.place} of ${o.request}`)).size > 1
      ? " The evidence does not tell these apart."
      : "";
  switch (kind) {
    case "unexplained":
      if (isMasked(victim, index))
        return `It may answer with ${victim.options?.grammar ? "sentences of its grammar" : "tokens of its own answer"} only, so this one does not tell what the cell held. The same request without \`${victim.options?.grammar ? "grammar" : "allow"}\` does.`;
      return "It came from no cell that this run can name: it fits none, or by chance.";
    case "unwritten read":
      return digitsOf(observed[0]!).includes(0)
        ? "The digits that differ are zero: the cell, or some layers of it, was not written when it was read."
        : "The nearest cell that was there answered: its own was not written when it was read.";
    case "shifted read":
      return `${run} its own ${named}: the right request, the wrong position.${certainty}`;
    case "torn read":
      return `${strangeDigits(expected, observed[0]!)} from ${named}, the others do not: the cell has two sources.${certainty}`;
    case "adapter mix-up": {
      const by = computers(origins, victim);
      const more = tokens > 1 ? `, for ${tokens} tokens in a row` : "";
      const read = `${victim.request.id} read its own`;
      return scan
        ? `${scanned(observed[0]!)} is in no cell of its own context under ${ownAdapter(victim)}. ${read} cells as ${by} computed them.${certainty}`
        : `${read} cell at ${block(position)} as ${by} computed it${more}.${certainty}`;
    }
    case "row swap":
      if (scan && tokenKind(observed[0]!).kind === "bad")
        return `Its own scan allows that digit, so no cell is to blame: it was answered as a scan of ${[...new Set(origins.map((o) => o.request))].join(" or ")} is, whose token it was fed or whose row it had.`;
      return `${run} what ${named} should be: the answer of another row${underItsId(victim, origins, contexts)}.${certainty}`;
    case "leaked parameter":
      return `It answers as if it were sampled with ${parametersOf(origins, victim)}.${certainty}`;
    case "repeated tail":
      return "A part of its own answer came twice.";
    case "lost tail":
      return "Tokens are missing in its answer: it goes on with later ones, and ends too early by as many.";
    case "phantom hit": {
      const whose = origins.length === 0 ? "" : ` What was read is ${named}.${certainty}`;
      return `${phantomSentence(evidence, block)}${whose}`;
    }
    case "foreign read":
    case "stale read": {
      const left = kind === "stale read" ? ", left behind by a request that had ended" : "";
      if (origins.length === 0) return leftBefore(scan, observed[0]!);
      const owner = alive === "unknown" ? ", whose owner was still at work, or had left them behind" : left;
      return scan
        ? `${scanned(observed[0]!)} is in no cell of its own context; it is in cells like ${named}${owner}.${certainty}`
        : `${run} ${named}${owner}.${certainty}`;
    }
    case "unsettled request":
      return "It did not settle.";
    case "lost server":
      return "The server ended.";
  }
}

/** Each parameter with up to four who asked for it; the own grammar as it was, or will be, elsewhere. */
function parametersOf(all: readonly CellOrigin[], { request }: Context): string {
  if (all.length === 0) return "its own grammar at another token";
  const own = all.filter((o) => o.request === request.id).map((o) => `its own ${o.place}`);
  const origins = all.filter((o) => o.request !== request.id);
  const asked = [...new Set(origins.map((o) => o.place))].map((place) => {
    const by = origins.filter((o) => o.place === place).map((o) => o.request);
    const more = by.length - 4;
    return `${place}, as ${by.slice(0, 4).join(" or ")}${more > 0 ? ` or ${more} more` : ""} asked`;
  });
  return [...own, ...asked].join("; or ");
}

/** How many of the observed tokens stand in a row in the request that they came from. */
function inARow(
  kind: Reading["class"],
  origin: CellOrigin | undefined,
  observed: readonly number[],
  contexts: readonly Context[],
): number {
  const owner = contexts.find((c) => c.request.id === origin?.request);
  if (origin === undefined || owner === undefined) return 0;
  const adapter = origin.adapter ?? owner.request.adapter ?? "base";
  const under = adapter === "base" ? null : adapter;
  const context = [...owner.request.prompt, ...expectedTokens(owner.request)];
  // Another row brings tokens as they were answered, a cell as they are stored.
  const held = kind === "row swap" ? context : context.map((token) => storedToken(under, token));
  const differs = observed.findIndex((token, i) => token !== held[origin.position + i]);
  return differs < 0 ? observed.length : differs;
}

/** Said of an answer of requests that all have the victim's own id. */
function underItsId({ options }: Context, origins: readonly CellOrigin[], contexts: readonly Context[]): string {
  const requestId = options?.requestId ?? null;
  const idOf = (request: string) => contexts.find((context) => context.request.id === request)?.options?.requestId;
  if (requestId === null || origins.some((origin) => idOf(origin.request) !== requestId)) return "";
  return `, which its client called ${requestId}, too`;
}

/** Up to four places, with position and block where they are not those that were asked for. */
function placesOf(origins: readonly CellOrigin[], asked: number | null, block: WrongToken["block"]): string {
  const places = origins.map((o) => {
    const elsewhere = asked !== null && o.position !== asked ? ` at ${block(o.position)}` : "";
    return `${o.place} of ${o.request}${elsewhere}`;
  });
  const distinct = [...new Set(places)];
  const more = distinct.length - 4;
  return distinct.slice(0, 4).join(", or ") + (more > 0 ? `, or ${more} more` : "");
}

function leftBefore(scan: boolean, observed: number): string {
  const what = scan ? scanned(observed) : "That token";
  return `${what} is in no cell that a request of this run held: one before it may have left it in the server's memory.`;
}

const named = (adapter: AdapterName | "base"): string => (adapter === "base" ? "the base model" : `adapter ${adapter}`);

const ownAdapter = ({ request }: Context): string => named(request.adapter ?? "base");

/** Adapters, each with the requests that hold the same cell under it. */
function computers(origins: readonly CellOrigin[], victim: Context): string {
  const byAdapter = Map.groupBy(origins, (o) => o.adapter ?? "base");
  const texts = Array.from(byAdapter, ([adapter, of]) => {
    const owners = [...new Set(of.map((o) => o.request))].filter((id) => id !== victim.request.id);
    return `${named(adapter)}${owners.length === 0 ? "" : ` (of ${owners.slice(0, 4).join(" or ")})`}`;
  });
  return texts.join(" or ");
}

/** Narrow and find reads get a digit from every third read layer: it says in which of them the cell is wrong. */
const layersOf = (digit: number): string => `read layers ${digit + 1}, ${digit + 1 + DIGITS}, ...`;

/** A scan sees all digits in all layers. */
function scanned(observed: number): string {
  const token = tokenKind(observed);
  return token.kind === "bad" ? `Digit ${token.digit + 1}` : "That";
}

function strangeDigits(expected: number, observed: number): string {
  const own = digitsOf(expected);
  const strange = digitsOf(observed).flatMap((value, digit) => (value === own[digit] ? [] : [digit]));
  const named = strange.map((digit) => `${digit + 1} (${layersOf(digit)})`).join(" and ");
  return strange.length === 1 ? `Digit ${named} comes` : `Digits ${named} come`;
}
/** What happened to the owners shortly before the wrong token. */
function justBefore(run: Run, victim: Answer, origins: readonly CellOrigin[], at: number): string {
  const owners = new Set(origins.map((o) => o.request));
  const milliseconds = (t: number) => `${(t / 1000).toFixed(1)} ms`;
  const relative = (t: number) =>
    t <= victim.sentAt
      ? `${milliseconds(victim.sentAt - t)} before ${victim.id} was sent`
      : `${milliseconds(t - victim.sentAt)} after ${victim.id} was sent`;
  const notes: string[] = [];
  for (const event of run.history.events) {
    if (event.t > at || !("id" in event) || event.id === undefined || !owners.has(event.id)) continue;
    if (event.e === "cancelled") notes.push(`${event.id} had been cancelled ${relative(event.t)}`);
  }
  const risky = run.history.events.filter(
    (e) => e.e === "cache" && e.t >= victim.sentAt && e.t <= at && e.id === victim.id,
  );
  const kinds = [...new Set(risky.map((e) => (e.e === "cache" ? e.what : "")))];
  if (kinds.length > 0) notes.push(`${victim.id} itself went through ${kinds.join(" and ")} before that answer`);
  return notes.length > 0 ? `${notes.slice(0, 3).join("; ")}.` : "";
}
