/**
 * Phantom hit: the engine says that it took more of a prompt from its cache than any earlier request with the same salt
 * had put there.
 */

import { expectedTokens, type ResolvedRequest } from "../trace/prompt.ts";
import type { Context } from "./context.ts";

export interface PhantomHit {
  /** Longest prefix of the prompt that an earlier request held, in tokens. */
  readonly held: number;
  /** Tokens that the engine says came from its cache. */
  readonly cached: number;
}

/**
 * @param contexts every request since the caches were last known to be empty
 * @param flushes when the caches were emptied, microseconds: what had ended by then is no longer held
 */
export function phantomHit(
  victim: Context,
  contexts: readonly Context[],
  flushes: readonly number[],
): PhantomHit | null {
  const { cached, sentAt } = victim;
  if (cached === null || cached === 0) return null;
  const emptied = Math.max(-1, ...flushes.filter((t) => t <= sentAt));
  const until = victim.settledAt ?? Number.POSITIVE_INFINITY;
  const holders = contexts.filter(
    (c) => c !== victim && c.sentAt <= until && (c.settledAt === null || c.settledAt > emptied),
  );
  const held = Math.max(0, ...holders.map(({ request, answer }) => mayTake(victim.request, request, answer)));
  return cached > held ? { held, cached } : null;
}

/** The most tokens of a request's prompt that a cache can have, whatever the order of a run's requests. */
export function mostCached(request: ResolvedRequest, requests: Iterable<ResolvedRequest>): number {
  const others = [...requests].filter((other) => other !== request);
  return Math.max(0, ...others.map((other) => mayTake(request, other, expectedTokens(other))));
}

/** Tokens of a prompt that may come from the cells of another request and its answer. */
function mayTake(request: ResolvedRequest, from: ResolvedRequest, answer: ArrayLike<number>): number {
  if (!request.cache || request.salt !== from.salt) return 0;
  const theirs = [...from.prompt, ...Array.from(answer)];
  const differs = request.prompt.findIndex((token, i) => token !== theirs[i]);
  return differs < 0 ? request.prompt.length : differs;
}
