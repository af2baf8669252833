/** Where an answer leaves what its prompt determines. */

import type { Run } from "../src/check/property.ts";
import type { Witness } from "../src/check/verdict.ts";
import type { Outcome } from "../src/history/outcome.ts";
import { expectedTokens } from "../src/trace/prompt.ts";
import { tokenKind, tokenName } from "../src/tracer/vocabulary.ts";

export function throwsDice(run: Run, { id }: Outcome): boolean {
  return run.requests.get(id)?.read === "dice";
}

/** What a wrong token is about: an alarm of dice is about cells, as the tokens of all other reads. */
const isAbout = (dice: boolean, token: number): About =>
  dice && tokenKind(token).kind !== "err" ? "parameters" : "cells";
type About = "cells" | "parameters";

/**
 * The first wrong token of each of these outcomes, in order of sending. Only as far as the answer goes: tokens that are
 * missing, or that come after the last one asked for, are another law's business.
 * @param about only answers whose first wrong token is about this; any, if left out
 */
export function wrongTokens(run: Run, among: readonly Outcome[], about?: About): Witness[] {
  return among.flatMap((outcome) => {
    const request = run.requests.get(outcome.id);
    if (!request) return [];
    const expected = expectedTokens(request);
    const length = Math.min(expected.length, outcome.tokens.length);
    for (let index = 0; index < length; index++) {
      if (outcome.tokens[index] === expected[index]) continue;
      if (about !== undefined && isAbout(request.read === "dice", outcome.tokens[index]!) !== about) return [];
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
