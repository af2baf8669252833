/** Phantom hit: the engine says that it took more of a prompt from its cache than any earlier request had put there. */

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
  const held = Math.max(0, ...holders.map((holder) => commonPrefix(victim, holder)));
  return cached > held ? { held, cached } : null;
}

function commonPrefix(victim: Context, holder: Context): number {
  const theirs = [...holder.request.prompt, ...holder.answer];
  const { prompt } = victim.request;
  const differs = prompt.findIndex((token, i) => token !== theirs[i]);
  return differs < 0 ? prompt.length : differs;
}
