/** An answer that begins with what another request under the same client id had not been sent yet. */

import { expectedTokens } from "../trace/prompt.ts";
import { type Context, originAt } from "./context.ts";
import type { CellOrigin } from "./finding.ts";

/** So many of its own tokens behind those of another say that these were put before them. */
const OWN_TOKENS = 2;

/**
 * Whose tokens an answer begins with, before it goes on from its own first one to the end; null if it does not, or if no
 * request under its client's id was answered so.
 */
export function keptOutput(victim: Context, others: readonly Context[]): CellOrigin[] | null {
  const { answer, options, request } = victim;
  const requestId = options?.requestId ?? null;
  if (requestId === null) return null;
  const own = expectedTokens(request);
  const namesakes = others.filter((other) => other.options?.requestId === requestId);
  for (let kept = 1; kept <= answer.length - OWN_TOKENS; kept++) {
    if (answer.slice(kept).some((token, i) => i < own.length && token !== own[i])) continue;
    const origins = namesakes.flatMap((other) => {
      const theirs = expectedTokens(other.request);
      const from = theirs.findIndex((_, start) =>
        answer.slice(0, kept).every((token, i) => theirs[start + i] === token),
      );
      return from === -1 ? [] : originAt(other, other.request.prompt.length + from);
    });
    if (origins.length > 0) return origins;
  }
  return null;
}
