/** Foreign or stale: whether the owner of a cell was still at work when the cell was read. */

import type { Context } from "./context.ts";
import type { CellOrigin, Reading } from "./finding.ts";

/** When a cell was read, as far as the history tells, in microseconds. */
export interface ReadTime {
  /** Not before this. */
  readonly from: number;
  /** Not after this: the wrong token had arrived. */
  readonly to: number;
  /** How far times at the client may be from those in the engine. */
  readonly slack: number;
}

/**
 * When the cells of a wrong token were read.
 *
 * A token of a narrow or find read reads one cell, after the token before it. A scan reads all cells, and also shows what was latched
 * while they were computed: by the request itself, or by an earlier one that left them in the prefix cache.
 */
export function readTime(victim: Context, index: number, contexts: readonly Context[], slack: number): ReadTime {
  const to = victim.answerTimes[index]!;
  const { sentAt } = victim;
  if (victim.request.read !== "scan") {
    return { from: victim.answerTimes.findLast((t) => t < to) ?? sentAt, to, slack };
  }
  if (victim.cached === 0) return { from: sentAt, to, slack };
  const sharers = contexts.filter((c) => c.sentAt <= to && c.request.prompt[0] === victim.request.prompt[0]);
  return { from: Math.min(sentAt, ...sharers.map((c) => c.sentAt)), to, slack };
}

/**
 * Foreign if the owner was in the server when its cell was read, stale if it had ended. Both where it ended in between,
 * and where it was cut off: what a cancelled request has started may go on after its end, a transfer for instance.
 */
export function classesByLifetime(owner: Context, { from, to, slack }: ReadTime): ("foreign read" | "stale read")[] {
  const { settledAt, status } = owner;
  if (settledAt === null || settledAt >= to + slack) return ["foreign read"];
  const over = settledAt < Math.max(from, owner.sentAt) - slack;
  return over && status === "finished" ? ["stale read"] : ["foreign read", "stale read"];
}

/** Cells of other requests, by what their owners' lifetimes make of them. */
export function readingsOf(origins: readonly CellOrigin[], contexts: readonly Context[], time: ReadTime): Reading[] {
  const byClass = (kind: "foreign read" | "stale read"): Reading => ({
    class: kind,
    origins: origins.filter((o) =>
      classesByLifetime(contexts.find((c) => c.request.id === o.request)!, time).includes(kind),
    ),
  });
  return [byClass("foreign read"), byClass("stale read")].filter((reading) => reading.origins.length > 0);
}
