/** What a row asks of the sampler, and the token that it draws. */

import { seededRandom } from "../random.ts";
import { TEMPERATURE } from "../target/dialect.ts";
import type { RequestOptions } from "../trace/options.ts";
import { rungChances, rungScores, topRung } from "../tracer/dice.ts";
import { RUNGS, rungToken, tokenKind } from "../tracer/vocabulary.ts";

export interface Sampling {
  /** 0: greedy. */
  readonly temperature: number;
  readonly seed: number;
  /** Tokens that may be drawn, the likeliest ones; 0: all. */
  readonly topK: number;
  readonly presence: number;
  readonly frequency: number;
  /** Ids that must not be generated. */
  readonly banned: readonly number[];
}

export const GREEDY: Sampling = { temperature: 0, seed: 0, topK: 0, presence: 0, frequency: 0, banned: [] };

export function samplingOf(options: RequestOptions): Sampling {
  const { seed, top, presence, frequency, banned } = options;
  return {
    temperature: seed === null ? 0 : TEMPERATURE,
    seed: seed ?? 0,
    topK: top ?? 0,
    presence: presence ?? 0,
    frequency: frequency ?? 0,
    banned,
  };
}

/**
 * Only on a ladder is there a choice: any other token leads by more nats than a temperature or a penalty can move.
 * @param likeliest the model's answer
 * @param answer what was generated before
 */
export function sampled(likeliest: number, sampling: Sampling, answer: readonly number[]): number {
  const token = tokenKind(likeliest);
  if (token.kind !== "rung") return likeliest;
  const { presence, frequency, temperature, seed, topK } = sampling;
  const tokens = Array.from({ length: RUNGS }, (_, rung) => rungToken(token.ladder, rung));
  const counts = tokens.map((id) => answer.filter((other) => other === id).length);
  const banned = [...tokens.keys()].filter((rung) => sampling.banned.includes(tokens[rung]!));
  const scores = rungScores({ presence, frequency, banned }, counts);
  if (temperature === 0 || topK === 1) return tokens[topRung(scores).rung]!;
  let left = seededRandom(seed + answer.length).next();
  for (const [rung, chance] of rungChances(temperature, scores).entries()) {
    left -= chance;
    if (left < 0) return tokens[rung]!;
  }
  return likeliest;
}
