/** A request's context, cell by cell: what each position holds and what the trace calls it. */

import { answersIn, type Outcome } from "../history/outcome.ts";
import { type RequestOptions, resolveOptions } from "../trace/options.ts";
import { expectedTokens, type ResolvedRequest } from "../trace/prompt.ts";
import { tokenName } from "../tracer/vocabulary.ts";
import type { CellOrigin } from "./finding.ts";
import type { Run } from "./property.ts";
import type { Witness } from "./verdict.ts";

export interface Context {
  readonly request: ResolvedRequest;
  readonly answer: readonly number[];
  /** When each token of the answer arrived, microseconds. */
  readonly answerTimes: readonly number[];
  readonly logprobs: Outcome["logprobs"];
  readonly sentAt: number;
  readonly settledAt: number | null;
  readonly status: Outcome["status"];
  /**
   * Prompt tokens that the engine says came from its cache; null where it does not tell, or where the cache may have held
   * what an earlier run put there.
   */
  readonly cached: number | null;
  /** What it asked for beside its prompt; null for nothing. */
  readonly options: RequestOptions | null;
}

/**
 * Every request that was sent, in order.
 * @param about the answer that is looked into: its request has the answer of that choice, any other request that of its
 * first. A right answer of another choice is the same, and a wrong one no evidence.
 */
export function contextsOf(run: Run, about?: Pick<Witness, "request" | "choice">): Context[] {
  const { empty } = run.history.header;
  const options = resolveOptions(run.trace);
  return [...run.outcomes.values()].flatMap((outcome) => {
    const request = run.requests.get(outcome.id);
    if (!request) return [];
    const choice = about?.request === outcome.id ? (about.choice ?? 0) : 0;
    const { logprobs, tokens, tokenTimes } = answersIn(outcome, request.choices)[choice]!;
    return {
      request,
      answer: tokens,
      answerTimes: tokenTimes,
      logprobs,
      sentAt: outcome.sentAt,
      settledAt: outcome.settledAt,
      status: outcome.status,
      cached: empty === true ? outcome.cached : null,
      options: options.get(outcome.id) ?? null,
    };
  });
}

/** Stands for a token that is no evidence of where another came from. */
export const NO_EVIDENCE = -1;

/**
 * Tokens that the request had put into cells at a time: its prompt, and the answer that had arrived by then. Wrong tokens
 * of the answer are left out: what damaged them may have damaged the answer that is to be explained in the same way.
 */
export function heldBefore({ request, answer, answerTimes }: Context, time: number): number[] {
  const expected = expectedTokens(request);
  const arrived = answerTimes.findIndex((t) => t >= time);
  const fed = arrived < 0 ? answer : answer.slice(0, arrived);
  return [...request.prompt, ...fed.map((token, i) => (token === expected[i] ? token : NO_EVIDENCE))];
}

/** What the trace calls a position: `A[12]`, `read` or `answer[3]`; for earlier turns of a prompt `read 1`, `answer 1[3]`. */
export function placeOf(request: ResolvedRequest, position: number): string {
  const span = request.spans.find((s) => position >= s.start && position < s.start + s.length);
  if (span) return `${span.seg}[${span.from + position - span.start}]`;
  if (position >= request.prompt.length) return `answer[${position - request.prompt.length}]`;
  const turn = request.turns.findIndex((t) => position >= t.start && position < t.start + t.tokens + t.answer);
  if (turn < 0) return tokenName(request.prompt[position]!);
  const { start, tokens } = request.turns[turn]!;
  const number = turn === request.turns.length - 1 ? "" : ` ${turn + 1}`;
  return position < start + tokens ? `read${number}` : `answer${number}[${position - start - tokens}]`;
}

/** The position that a narrow or find answer reads; null for a scan, which reads all, and for dice, which read none. */
export function askedPosition(request: ResolvedRequest, index: number): number | null {
  if (request.asked === null) return null;
  return request.read === "narrow" ? request.asked + index : request.asked;
}

/** The wrong tokens in a row that start at `index`, at most `limit`. */
export function wrongRun(request: ResolvedRequest, tokens: readonly number[], index: number, limit = 16): number[] {
  const expected = expectedTokens(request);
  const run: number[] = [];
  const end = Math.min(tokens.length, expected.length);
  for (let i = index; i < end && run.length < limit && tokens[i] !== expected[i]; i++) run.push(tokens[i]!);
  return run;
}

/** A cell of a context, with its place in the trace's words. */
export function originAt(context: Context, position: number): CellOrigin {
  return { request: context.request.id, position, place: placeOf(context.request, position) };
}
