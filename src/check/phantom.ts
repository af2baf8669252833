/** Phantom hit: the engine says that it took more of a prompt from its cache than any earlier request had put there. */

import { expectedTokens, type ResolvedRequest } from "../trace/prompt.ts";
import type { Context } from "./context.ts";

export interface PhantomHit {
  /** Longest prefix of the prompt that an earlier request held, in tokens. */
  readonly held: number;
  /** Tokens that the engine says came from its cache. */
  readonly cached: number;
}

/**
 * A hit on tokens that no earlier request had.
 * @param contexts every request since the caches were last known to be empty
 * @param flushes when the caches were emptied, microseconds: what had ended by then is no longer held
 */
export function phantomHit(
  victim: Context,
  contexts: readonly Context[],
  flushes: readonly number[],
): PhantomHit | null {
  return hitBeyond(victim, contexts, flushes, () => true);
}

/** The same, where only requests with the victim's salt and adapter count: others must not share cells with it. */
export function unearnedHit(
  victim: Context,
  contexts: readonly Context[],
  flushes: readonly number[],
): PhantomHit | null {
  return hitBeyond(victim, contexts, flushes, (holder) => mayShare(victim.request, holder.request));
}

/** The most tokens of a request's prompt that a cache can have, whatever the order of a run's requests. */
export function mostCached(request: ResolvedRequest, requests: Iterable<ResolvedRequest>): number {
  if (request.choices > 1) return request.prompt.length;
  const sharers = [...requests].filter((other) => other !== request && mayShare(request, other));
  return Math.max(0, ...sharers.map((other) => commonPrefix(request, other, expectedTokens(other))));
}

function hitBeyond(
  victim: Context,
  contexts: readonly Context[],
  flushes: readonly number[],
  counts: (holder: Context) => boolean,
): PhantomHit | null {
  const { cached, sentAt } = victim;
  if (cached === null || cached === 0) return null;
  // One choice may have left the whole prompt for the next.
  if (victim.request.choices > 1) return null;
  const emptied = Math.max(-1, ...flushes.filter((t) => t <= sentAt));
  const until = victim.settledAt ?? Number.POSITIVE_INFINITY;
  const holders = contexts.filter((c) => c !== victim && c.sentAt <= until && leftAt(c) > emptied && counts(c));
  const held = Math.max(
    0,
    ...holders.map((holder) => commonPrefix(victim.request, holder.request, computedBy(holder))),
  );
  return cached > held ? { held, cached } : null;
}

/** A cancelled request computes on until the steps are over that were planned with it, microseconds. */
const LINGERS = 10_000;

function leftAt({ settledAt, status }: Context): number {
  return (settledAt ?? Number.POSITIVE_INFINITY) + (status === "cancelled" ? LINGERS : 0);
}

/** The answer that a request has cells of: one that was cut off may have computed more than it has delivered. */
function computedBy({ answer, request, status }: Context): ArrayLike<number> {
  return status === "finished" ? answer : [...answer, ...expectedTokens(request).slice(answer.length)];
}

/** Whether a request may take cells that another one left in the cache. */
function mayShare(request: ResolvedRequest, from: ResolvedRequest): boolean {
  return request.cache && request.salt === from.salt && request.adapter === from.adapter;
}

function commonPrefix(request: ResolvedRequest, from: ResolvedRequest, answer: ArrayLike<number>): number {
  const own = from.prompt.length;
  const differs = request.prompt.findIndex((token, i) => token !== (i < own ? from.prompt[i] : answer[i - own]));
  return differs < 0 ? request.prompt.length : differs;
}
