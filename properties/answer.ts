/** Where an answer leaves what its prompt determines. */

import type { Run } from "../src/check/property.ts";
import { type Witness, whose } from "../src/check/verdict.ts";
import type { Answer, Outcome } from "../src/history/outcome.ts";
import { expectedTokens } from "../src/trace/prompt.ts";
import { tokenKind, tokenName } from "../src/tracer/vocabulary.ts";

export function throwsDice(run: Run, { id }: Outcome): boolean {
  return run.requests.get(id)?.read === "dice";
}

/** How many requests witnesses are about: several choices of one may be wrong. */
export function requestsIn(witnesses: readonly Witness[]): number {
  return new Set(witnesses.map(({ request }) => request)).size;
}

/** What a wrong token is about: an alarm of dice is about cells, as the tokens of all other reads. */
const isAbout = (dice: boolean, token: number): About =>
  dice && tokenKind(token).kind !== "err" ? "parameters" : "cells";
type About = "cells" | "parameters";

/**
 * The first wrong token of each of these answers, in their order. Only as far as the answer goes: tokens that are
 * missing, or that come after the last one asked for, are another law's business.
 * @param about only answers whose first wrong token is about this; any, if left out
 */
export function wrongTokens(run: Run, among: readonly Answer[], about?: About): Witness[] {
  return among.flatMap((answer) => {
    const request = run.requests.get(answer.id);
    if (!request) return [];
    const expected = expectedTokens(request);
    const length = Math.min(expected.length, answer.tokens.length);
    for (let index = 0; index < length; index++) {
      if (answer.tokens[index] === expected[index]) continue;
      if (about !== undefined && isAbout(request.read === "dice", answer.tokens[index]!) !== about) return [];
      return {
        ...whose(answer),
        index,
        expected: tokenName(expected[index]!),
        observed: tokenName(answer.tokens[index]!),
      };
    }
    return [];
  });
}
