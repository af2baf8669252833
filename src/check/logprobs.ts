/** Log-probabilities that cannot be those of the row that they came with. */

import type { Outcome } from "../history/outcome.ts";
import type { Logprob } from "../history/schema.ts";
import { expectedTokens, type ResolvedRequest } from "../trace/prompt.ts";
import type { Context } from "./context.ts";
import type { Observed } from "./provenance.ts";

/**
 * Nats. A right token, dice aside, leads by more than 25: its own is 0 but for rounding, and no other comes near. What
 * lies between is left alone: an engine may tell them before or after temperature, bias and mask.
 */
const OWN_LEAST = -1;
const RIVAL_MOST = -10;

export const isStrange = ({ own, rival }: Logprob): boolean =>
  own < OWN_LEAST || (rival !== undefined && rival.logprob > RIVAL_MOST);

/** Places of an answer whose log-probabilities tell something: those of right tokens, as far as all are right. */
export function toldLogprobs(
  request: ResolvedRequest,
  { tokens, logprobs }: Pick<Outcome, "tokens" | "logprobs">,
): readonly { readonly index: number; readonly told: Logprob }[] {
  if (request.read === "dice") return [];
  const expected = expectedTokens(request);
  const wrong = tokens.findIndex((token, i) => token !== expected[i]);
  return logprobs.slice(0, wrong < 0 ? tokens.length : wrong).flatMap((told, index) => (told ? { index, told } : []));
}

/**
 * The tokens in a row, from a right token on, that strange log-probabilities tell instead: what another row drew. Null
 * where the token at `index` is wrong itself, or came with log-probabilities that may be its own.
 */
export function strangeRivals({ request, answer, logprobs }: Context, index: number): Observed | null {
  const told = toldLogprobs(request, { tokens: answer, logprobs }).filter((at) => at.index >= index);
  if (told[0]?.index !== index || !isStrange(told[0].told)) return null;
  const rivals = told.map((at) => (isStrange(at.told) ? at.told.rival?.id : undefined));
  const end = rivals.indexOf(undefined);
  const tokens = (end < 0 ? rivals : rivals.slice(0, end)) as number[];
  return { tokens, wrong: tokens.map(() => true) };
}
