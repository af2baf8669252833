/** Where an answer leaves what its prompt determines. */

import type { Run } from "../src/check/property.ts";
import type { Witness } from "../src/check/verdict.ts";
import type { Outcome } from "../src/history/outcome.ts";
import { expectedTokens } from "../src/trace/prompt.ts";
import { tokenName } from "../src/tracer/vocabulary.ts";

/**
 * The first wrong token of each of these outcomes, in order of sending. Only as far as the answer goes: tokens that are
 * missing, or that come after the last one asked for, are another law's business.
 */
export function wrongTokens(run: Run, among: readonly Outcome[]): Witness[] {
  return among.flatMap((outcome) => {
    const request = run.requests.get(outcome.id);
    if (!request) return [];
    const expected = expectedTokens(request);
    const length = Math.min(expected.length, outcome.tokens.length);
    for (let index = 0; index < length; index++) {
      if (outcome.tokens[index] === expected[index]) continue;
      return {
        request: outcome.id,
        index,
        expected: tokenName(expected[index]!),
        observed: tokenName(outcome.tokens[index]!),
      };
    }
    return [];
  });
}
