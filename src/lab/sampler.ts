/** What a row asks of the sampler, and the token that it draws. */

import { seededRandom } from "../random.ts";
import { TEMPERATURE } from "../target/dialect.ts";
import { isSampled, type RequestOptions } from "../trace/options.ts";
import { rungChances, rungScores, topRung } from "../tracer/dice.ts";
import { DIGITS, digitsOf, isPayload, RUNGS, rungToken, tokenKind } from "../tracer/vocabulary.ts";

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
    temperature: isSampled(options) ? TEMPERATURE : 0,
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
 * @param generated what was generated before
 * @param allowed ids that may be drawn; null: all
 */
export function sampled(
  likeliest: number,
  sampling: Sampling,
  generated: () => readonly number[],
  allowed: readonly number[] | null = null,
): number {
  const token = tokenKind(likeliest);
  if (token.kind !== "rung") return allowed === null ? likeliest : closest(likeliest, allowed);
  const answer = generated();
  const { presence, frequency, temperature, seed, topK } = sampling;
  const tokens = Array.from({ length: RUNGS }, (_, rung) => rungToken(token.ladder, rung));
  const counts = tokens.map((id) => answer.filter((other) => other === id).length);
  const open = tokens.map((id) => !sampling.banned.includes(id) && (allowed?.includes(id) ?? true));
  if (allowed !== null && !open.includes(true)) return closest(likeliest, allowed);
  const banned = [...tokens.keys()].filter((rung) => !open[rung]);
  const scores = rungScores({ presence, frequency, banned }, counts);
  if (temperature === 0 || topK === 1) return tokens[topRung(scores).rung]!;
  let left = seededRandom(seed + answer.length).next();
  for (const [rung, chance] of rungChances(temperature, scores).entries()) {
    left -= chance;
    if (left < 0) return tokens[rung]!;
  }
  return likeliest;
}

/**
 * The likeliest of the allowed tokens: the model's answer where it is among them, else, since each digit of payload has
 * nats of its own, one that has most of its digits.
 */
function closest(likeliest: number, allowed: readonly number[]): number {
  const shared = (id: number): number => {
    if (id === likeliest) return DIGITS + 1;
    if (!isPayload(id) || !isPayload(likeliest)) return 0;
    const digits = digitsOf(likeliest);
    return digitsOf(id).filter((value, digit) => value === digits[digit]).length;
  };
  return allowed.reduce((best, id) => (shared(id) > shared(best) ? id : best));
}
