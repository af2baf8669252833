/**
 * Dice: tokens after which the logits are a known ladder, so that sampling parameters show in the answer. Every other
 * read leads by 20 nats or more, which hides a temperature, a penalty, a bias.
 *
 * A ladder has twelve rungs. Behind `dice.LADDER`, and behind each of its rungs, the model's logits are that ladder's,
 * whatever the cells hold: the top rung at DICE_NATS, rung *k* lower by LADDER[k]. Each of the eight ladders has rungs of
 * its own, so a rung also says which row it was meant for.
 */

import { RUNGS } from "./vocabulary.ts";

/** Nats by which each rung lies below the top one. */
export const LADDER: readonly number[] = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8];
/** Nats of the top rung. Below 16 the numbers of bfloat16 lie 1/16 apart. */
export const DICE_NATS = 15.75;
/** No other token has more than this many nats behind a dice token, while no alarm sounds. */
const OTHER_NATS = 6;
/** Nats that a walk must lead by in every step: more than bfloat16 can shift two rungs against each other. */
export const LEAST_LEAD = 1 / 8;

/** What a request may ask of the sampler that moves a greedy answer along the ladder. */
export interface Penalties {
  /** Nats taken from each token that the answer has already. */
  readonly presence: number;
  /** Nats taken from a token for each time the answer has it. */
  readonly frequency: number;
  /** Rungs that may not be generated. */
  readonly banned: readonly number[];
  /** A grammar has the answer count down the ladder, whatever else there is. */
  readonly counts?: true;
}

/**
 * Rungs that a grammar has an answer count through, from the top one on and then from the top again. Each has a digit to
 * its name: matched as text, the name of one would else begin another's.
 */
const COUNTED = 10;

export const NO_PENALTIES: Penalties = { presence: 0, frequency: 0, banned: [] };

/** Nats of each rung over nothing, after an answer that has each rung so many times. */
export function rungScores({ presence, frequency, banned }: Penalties, counts: ArrayLike<number>): number[] {
  return LADDER.map((below, rung) => {
    const count = counts[rung]!;
    if (banned.includes(rung)) return Number.NEGATIVE_INFINITY;
    return DICE_NATS - below - (count > 0 ? presence : 0) - frequency * count;
  });
}

/** The highest rung, and its lead over the next one and over all other tokens, in nats. */
export function topRung(scores: readonly number[]): { readonly rung: number; readonly lead: number } {
  const [first, second] = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  return { rung: first!, lead: scores[first!]! - Math.max(scores[second!]!, OTHER_NATS) };
}

export interface Walk {
  readonly rungs: readonly number[];
  /** The least lead of any step, in nats. */
  readonly lead: number;
}

/** The rungs of a greedy answer, from its first token on. */
export function walk(penalties: Penalties, length: number): Walk {
  if (penalties.counts) return { rungs: Array.from({ length }, (_, i) => i % COUNTED), lead: Number.POSITIVE_INFINITY };
  const counts = new Array<number>(RUNGS).fill(0);
  const rungs: number[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    const { rung, lead } = topRung(rungScores(penalties, counts));
    rungs.push(rung);
    counts[rung]!++;
    least = Math.min(least, lead);
  }
  return { rungs, lead: least };
}

/** How likely each rung is at a temperature, without penalties. Other tokens together have less than 1e-3 at 1. */
export function rungChances(
  temperature: number,
  scores = rungScores(
    NO_PENALTIES,
    LADDER.map(() => 0),
  ),
): number[] {
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp((score - top) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
