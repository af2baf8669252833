/**
 * Leaked grammars: of whose state a wrong token tells. A request that is held to its own grammar answers right whatever
 * its cells hold, so a token that its grammar does not allow where it stands is the doing of a grammar's state: another's,
 * or the own one at another token.
 */

import type { RequestOptions, Sentences } from "../trace/options.ts";
import { EOS, rungToken, tokenKind } from "../tracer/vocabulary.ts";
import type { Context } from "./context.ts";
import type { CellOrigin } from "./finding.ts";
import type { Observed } from "./provenance.ts";

/** Whether its own grammar allows what a request answers at a place, all before it being right; true without a grammar. */
export function grammarAllows({ answer, options }: Context, index: number): boolean {
  const sentences = sentencesOf(options);
  if (sentences === null) return true;
  const [own] = sentences;
  const open = sentences.filter((sentence) => own!.slice(0, index).every((token, i) => sentence[i] === token));
  return open.some((sentence) => sentence[index] === answer[index]);
}

/**
 * The grammars of others in whose sentences, or behind their ends, most of the wrong tokens are, from the first one on.
 * @param whole only those that have all of them: where cells may have given them too
 */
export function othersGrammars(seen: Observed, others: readonly Context[], whole: boolean): CellOrigin[] {
  const wrong = seen.tokens.filter((_, i) => seen.wrong[i]);
  const held = others.flatMap(({ options, request }) => {
    const tokens = new Set(sentencesOf(options)?.flatMap((sentence) => [...sentence, EOS]));
    const first = wrong.findIndex((token) => !tokens.has(token));
    const origin: CellOrigin = { request: request.id, position: request.prompt.length, place: "grammar" };
    return { origin, count: first < 0 ? wrong.length : first };
  });
  const most = Math.max(whole ? wrong.length : 1, ...held.map(({ count }) => count));
  return held.flatMap(({ origin, count }) => (count === most ? origin : []));
}

/** The own grammar, at the token of a sentence at which it would go on as the answer does for longest. */
export function ownGrammar({ options, request }: Context, index: number, seen: Observed): CellOrigin[] {
  const places = (sentencesOf(options) ?? []).flatMap((sentence) =>
    [...sentence, EOS].flatMap((token, place) => {
      if (place === index || token !== seen.tokens[0]) return [];
      const differs = seen.tokens.findIndex((other, i) => other !== sentence[place + i]);
      return { place, tokens: differs < 0 ? seen.tokens.length : differs };
    }),
  );
  if (places.length === 0) return [];
  const { place } = places.reduce((best, other) => (other.tokens > best.tokens ? other : best));
  const position = request.prompt.length + place;
  return [{ request: request.id, position, place: `grammar after ${place} ${place === 1 ? "token" : "tokens"}` }];
}

/** Others without a grammar, if the wrong token is what dice answer without one: their top rung. */
export function lostGrammar(victim: Context, seen: Observed, others: readonly Context[]): CellOrigin[] {
  const dice = tokenKind(victim.request.prompt.at(-1)!);
  if (dice.kind !== "dice" || seen.tokens[0] !== rungToken(dice.ladder, 0)) return [];
  return others.flatMap(({ options, request }): CellOrigin[] =>
    sentencesOf(options) === null
      ? [{ request: request.id, position: request.prompt.length, place: "no grammar" }]
      : [],
  );
}

const sentencesOf = (options: RequestOptions | null): Sentences | null => options?.grammar ?? null;
