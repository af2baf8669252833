/** The tracer's shape and the constants its weights are made of. */

import { BASE, DIGITS, GROUPS } from "./vocabulary.ts";

/** What can vary: depth and KV heads, as production models have them. */
export interface TracerShape {
  /** Layers that read digits; one more, layer 0, fetches what the read token asks for. */
  readonly readLayers: number;
  /** KV heads. Head g carries the digit values v with v mod kvHeads = g, so that each head matters. */
  readonly kvHeads: number;
}

export const DEFAULT_SHAPE: TracerShape = { readLayers: 3, kvHeads: 1 };

/** Channels of a head. Pairs of them turn by the rotary angle of their frequency. */
export const HEAD_SIZE = 128;
/** Rotary base: so large that pairs from 40 on turn less than 1e-4 rad in 131,072 positions and carry content, not phase. */
export const ROPE_BASE = 1e15;
/** Rotary pairs that carry phase. Their frequencies tell distances apart up to 131,072. */
export const PHASE_PAIRS = 18;
/** The rotary pair that carries the read flag in layer 0. */
export const FLAG_PAIR = 60;

/** Residual-stream channels by name: first index and width. */
export const CHANNEL = {
  /** One-hot digits of the own token. */
  digits: 0,
  /** A large constant: fixes the RMS norm's scale. */
  constant: 48,
  /** 1 on a narrow read token. */
  flag: 49,
  /** Phase of the own distance, cosine and minus sine by turns. */
  ownPhase: 50,
  /** Phase that layer 0 gathered from the read token. */
  phase: 50 + 2 * PHASE_PAIRS,
  /** Digits that a narrow read found. */
  found: 50 + 4 * PHASE_PAIRS,
  /** Sightings: how much of each digit value a scan saw. */
  sightings: 50 + 4 * PHASE_PAIRS + 48,
  /** Groups that the own scan token allows, and those it does not. */
  allowed: 50 + 4 * PHASE_PAIRS + 96,
  denied: 50 + 4 * PHASE_PAIRS + 96 + GROUPS * DIGITS,
  /** 1 on every token but scan tokens; 1 on scan tokens. */
  notScan: 50 + 4 * PHASE_PAIRS + 96 + 2 * GROUPS * DIGITS,
  isScan: 51 + 4 * PHASE_PAIRS + 96 + 2 * GROUPS * DIGITS,
} as const;
export const HIDDEN_SIZE = 256;
/** The feed-forward part is all zeros; engines want one. */
export const FEED_FORWARD_SIZE = 64;
export const RMS_EPSILON = 1e-6;

/** Size of the constant channel. */
export const CONSTANT = 100;
/** What one unit of a channel is after the norm: x / rms(x) with rms = CONSTANT / sqrt(HIDDEN_SIZE). */
export const NORM = Math.sqrt(HIDDEN_SIZE) / CONSTANT;
/** Query and key amplitude of every phase pair and of the flag. */
export const AMPLITUDE = 30;
/**
 * A narrow read asks for a distance this much larger than a whole number: if the right key is missing, its two
 * neighbours do not tie and the answer shows the older one.
 */
export const PHASE_OFFSET = 1 / 16;
/** Total of the found digits' amplitude, over all read layers. */
export const FOUND_AMPLITUDE = 10;
/** Logit of a found digit for each unit. */
export const FOUND_GAIN = 20;
/** Logits that an absent digit reads as digit 0 by: about one nat a digit. */
export const NONZERO_COST = 1 / 16;
/** Logit that lifts payload tokens over all that have none, so that a read of nothing is still a payload token: 10 nats. */
export const PAYLOAD_LIFT = 10 / 16;
/** Keeps payload tokens away while a scan runs. */
export const SCAN_BLOCKS_PAYLOAD = 1e4;
/** Logit of a scan token for each of its groups. */
export const SCAN_GAIN = 93;
/** Logit of `bad` tokens for each unit of a sighting: the smallest sighting that shows is 12 * 93 / 2e10. */
export const SIGHTING_GAIN = 2e10;
/** Larger than any sighting: what keeps allowed digits, and tokens that are no scan, from raising `bad`. */
export const SIGHTING_LIMIT = 80;

/** Amplitude that one read layer adds for each digit it carries: layers of a digit share the total. */
export function layerAmplitude(shape: TracerShape): number {
  return (FOUND_AMPLITUDE * DIGITS) / shape.readLayers;
}

/** Which of the three digits read layer `layer` (1 ..) carries. */
export function digitOfLayer(layer: number): number {
  return (layer - 1) % DIGITS;
}

const FREQUENCIES = Float64Array.from({ length: HEAD_SIZE / 2 }, (_, pair) => ROPE_BASE ** ((-2 * pair) / HEAD_SIZE));

/** Rotary frequency of a pair, radians a position. */
export function frequency(pair: number): number {
  return FREQUENCIES[pair]!;
}

/** Sighting channels: digit * 16 + value. */
export const SIGHTINGS = DIGITS * BASE;
