/** The tracer's shape and the constants its weights are made of. */

import { CrosstalkError } from "../errors.ts";
import { ALARM_LAYERS, BASE, DIGITS, GROUPS } from "./vocabulary.ts";

/** What can vary, as production models have it. */
export interface TracerShape {
  /** Layers that narrow and find reads look at, above the two that find out what is asked. Scans look at all. */
  readonly readLayers: number;
  readonly kvHeads: number;
  /** At least four for each KV head: see `ROLES`. */
  readonly queryHeads: number;
  readonly headSize: 64 | 128 | 256;
  /** Feed-forward width that costs time and adds nothing. */
  readonly drag: number;
  /** Cells that each read layer sees, its own included: sliding window attention. Null: all, as the layers below. */
  readonly window: number | null;
  /** Rank of the latent that a cell is: multi-head latent attention. Null: a cell has a key and a value for each KV head. */
  readonly latent: number | null;
  /** Experts of each layer, of which a token meets two. Null: one feed-forward for all tokens. */
  readonly experts: number | null;
}

/** Query heads of each KV head that the model needs. */
export const ROLES = 4;
/** Layers below the read layers. */
export const ASKING_LAYERS = 2;

export const DEFAULT_SHAPE: TracerShape = {
  readLayers: 3,
  kvHeads: 1,
  queryHeads: ROLES,
  headSize: 128,
  drag: 0,
  window: null,
  latent: null,
  experts: null,
};

/**
 * A shape, checked; what is left out is the default's, and four query heads for each KV head.
 * @throws CrosstalkError INVALID_OPTION
 */
export function tracerShape(part: Partial<TracerShape> = {}): TracerShape {
  const kvHeads = part.kvHeads ?? DEFAULT_SHAPE.kvHeads;
  const shape: TracerShape = { ...DEFAULT_SHAPE, queryHeads: ROLES * kvHeads, ...part };
  const { readLayers, queryHeads, headSize, drag, window, latent, experts } = shape;
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const refuse = (what: string, hint: string): never => {
    throw new CrosstalkError("INVALID_OPTION", `no tracer of this shape: ${what}`, hint);
  };
  if (!whole(readLayers, 1) || layersOf(shape) > ALARM_LAYERS)
    refuse(`${layersOf(shape)} layers`, `From ${ASKING_LAYERS + 1} to ${ALARM_LAYERS} layers.`);
  if (!whole(kvHeads, 1) || kvHeads > 16) refuse(`${kvHeads} KV heads`, "From 1 to 16 KV heads.");
  if (!whole(queryHeads, ROLES * kvHeads) || queryHeads % kvHeads > 0)
    refuse(
      `${queryHeads} query heads for ${kvHeads} KV heads`,
      `A multiple of the KV heads, at least ${ROLES} for each.`,
    );
  if (![64, 128, 256].includes(headSize)) refuse(`head size ${headSize}`, "64, 128 or 256.");
  if (headSize === 64 && valueClasses(kvHeads) < 3)
    refuse(
      `head size 64 with ${kvHeads} KV heads`,
      "A value of 64 channels needs 3, 4, 6, 8, 9, 12, 15 or 16 KV heads.",
    );
  if (!whole(drag, 0)) refuse(`a drag of ${drag}`, "A whole number of feed-forward channels, 0 or more.");
  if (window !== null && !whole(window, LEAST_WINDOW))
    refuse(`a window of ${window}`, `A whole number of cells from ${LEAST_WINDOW} on.`);
  const exclusive = Object.entries({ "a window": window, "a latent": latent, experts });
  const chosen = exclusive.flatMap(([name, value]) => (value === null ? [] : [name]));
  if (chosen.length > 1) refuse(chosen.join(" and "), "One of a window, a latent and experts.");
  if (latent !== null) {
    if (!whole(latent, hiddenSize(shape)))
      refuse(
        `a latent of rank ${latent}`,
        `A whole number from ${hiddenSize(shape)} on: the latent holds the whole stream.`,
      );
    if (kvHeads > 1 || headSize !== LATENT_HEAD)
      refuse("a latent with several KV heads or other heads", `One KV head, and heads of ${LATENT_HEAD} channels.`);
    if (hiddenSize(shape) % queryHeads > 0)
      refuse(
        `${queryHeads} query heads with a latent`,
        `DeepSeek's config wants a divisor of the hidden size, ${hiddenSize(shape)}.`,
      );
  }
  if (experts !== null) {
    if (!whole(experts, LEAST_EXPERTS) || experts > MOST_EXPERTS)
      refuse(`${experts} experts`, `From ${LEAST_EXPERTS} to ${MOST_EXPERTS} experts.`);
    if (readLayers < DIGITS)
      refuse(`experts in ${layersOf(shape)} layers`, `Experts need ${ASKING_LAYERS + DIGITS} layers or more.`);
  }
  return shape;
}

/** Channels of a head's keys that a latent is expanded to, and of its values, as production models have them. */
const LATENT_HEAD = 128;
/** Rotary channels of a latent cell, which all heads share: they lie behind the latent. */
export const LATENT_ROTARY = 64;

/** Channels of a query, and of the key that it meets. */
export function keySize({ headSize, latent }: TracerShape): number {
  return latent === null ? headSize : headSize + LATENT_ROTARY;
}

/** The shortest window: a read and a few cells before it. */
const LEAST_WINDOW = 16;

/** Each half of the experts shares a token's digits out: two or more in each. */
const LEAST_EXPERTS = 4;
const MOST_EXPERTS = 128;

/** Whether a layer sees the cells of its window alone. */
export function hasWindow({ window }: TracerShape, layer: number): boolean {
  return window !== null && layer >= ASKING_LAYERS;
}

/** Position of the first cell that a layer sees from a position. */
export function firstSeen(shape: TracerShape, layer: number, position: number): number {
  return hasWindow(shape, layer) ? Math.max(0, position - shape.window! + 1) : 0;
}

/** All layers. Layers 0 and 1 find out what is asked. */
export function layersOf(shape: TracerShape): number {
  return shape.readLayers + ASKING_LAYERS;
}

/** Query heads of one KV head. */
export function groupSize(shape: TracerShape): number {
  return shape.queryHeads / shape.kvHeads;
}

/**
 * Rotary base. Pair i of a head of size d turns by 2 ** (-128 i / d) radians a position: exact in float32, however an
 * engine computes it. Pairs slower than 2 ** -24 turn less than 0.01 rad in 131,072 positions: they carry content.
 */
const ROPE_BASE = 2 ** 64;
/** The same for the rotary part of a latent cell: its pairs are the fastest half of a head of 128 channels. */
const LATENT_ROPE_BASE = 2 ** (LATENT_ROTARY / 2);

/** Rotary base of a model of this shape. */
export function ropeBase({ latent }: TracerShape): number {
  return latent === null ? ROPE_BASE : LATENT_ROPE_BASE;
}

/** Rotary frequency of a pair, radians a position. */
export function frequency(headSize: number, pair: number): number {
  return 2 ** ((-128 * pair) / headSize);
}

/** Pairs whose phases spell a distance, fastest first: frequencies 2 ** -e, with e = 0 .. 6 from `near`, 7 .. from `far`. */
export interface PhasePair {
  readonly pair: number;
  readonly frequency: number;
  readonly from: "near" | "far";
}

const PHASE_PAIRS = new Map<number, readonly PhasePair[]>();

export function phasePairs(headSize: number): readonly PhasePair[] {
  const known = PHASE_PAIRS.get(headSize);
  if (known) return known;
  // Each pair at most four times slower than the one before it; the slowest turns less than once in 131,072 positions.
  const step = Math.max(1, 128 / headSize);
  const exponents = Array.from({ length: Math.floor(16 / step) + (step > 1 ? 1 : 0) }, (_, i) => i * step);
  const pairs = exponents.map(
    (e): PhasePair => ({ pair: (e * headSize) / 128, frequency: 2 ** -e, from: e <= 6 ? "near" : "far" }),
  );
  PHASE_PAIRS.set(headSize, pairs);
  return pairs;
}

/** Residual-stream channels by name: first index. */
export const CHANNEL = {
  /** One-hot digits of the own token. */
  digits: 0,
  /** A large constant: fixes the RMS norm's scale. */
  constant: 48,
  /** 1 on tokens that layer 0 lets look at the token before them: `turn`, `near`, `find`. */
  looksBack: 49,
  /** Level of the own turn, and of the turn token just before. */
  turnLevel: 50,
  nearLevel: 51,
  /** Phases, cosine and minus sine by turns: the own ones, those of the token before, and those that are asked for. */
  phase: 52,
  /** Code of the digits that a find looks for. */
  find: 84,
  /** Digits that a narrow or find read found. */
  found: 94,
  /** Sightings: how much of each digit value a scan saw. */
  sightings: 142,
  /** Groups that the own scan token allows, and those it does not. */
  allowed: 190,
  denied: 202,
  /** Set on every token but scan tokens; set on scan tokens. */
  notScan: 214,
  isScan: 215,
  /** Code of the prompt's nonce, and whether it has one: OK_AMPLITUDE if so. */
  nonce: 216,
  hasNonce: 226,
  /** Code of the branch, or that there is none yet. */
  branch: 227,
  noBranch: 232,
  /** 1 on nonce tokens; 1 on branch tokens. */
  sink: 233,
  isBranch: 234,
  /** Which ladder the dice token or rung is of. */
  ladder: 235,
  /** One for each layer: how much of the alarm head's attention stayed on the sink. Above them: see `spelledBy`. */
  ok: 243,
} as const;

/** Width of the residual stream. */
export function hiddenSize(shape: TracerShape): number {
  const channels = shape.experts === null ? CHANNEL.ok + layersOf(shape) : spelledBy(shape, layersOf(shape) - 1);
  return Math.ceil(channels / 64) * 64;
}
/** Feed-forward width, of each expert if there are any. */
export function feedForwardSize(shape: TracerShape): number {
  return 64 + shape.drag;
}
export const RMS_EPSILON = 1e-6;

/** Size of the constant channel. */
export const CONSTANT = 1024;
/** What one unit of a channel is after the norm: x / rms(x) with rms = CONSTANT / sqrt(hidden size). */
export function norm(shape: TracerShape): number {
  return Math.sqrt(hiddenSize(shape)) / CONSTANT;
}
/**
 * By how much a value holds more of a channel than the norm leaves of it: about `1 / norm`, and a power of two, so that
 * nothing is rounded and an adapter can take away exactly what the base has put there.
 */
export function valueGain(shape: TracerShape): number {
  return 2 ** Math.round(-Math.log2(norm(shape)));
}

// Attention, in nats of score.
/** Each phase pair in step. */
export const PHASE_NATS = 90;
/** Each of the ten signs of a find code. */
export const FIND_NATS = 16;
/** A nonce token in layer 0, and a branch token. */
export const NONCE_NATS = 80;
export const BRANCH_NATS = 80;
/** A turn in layer 1: the first, and each later one on top. */
export const TURN_NATS = { first: 40, each: 20 } as const;
/**
 * The alarm head. Each of 15 signs in common repels by `sign`; a key of the prompt's own has 15. The sink repels by
 * `sink` signs, a key with one digit amiss by 11: so each is twice `sign` from the next. `lost` is what a cell draws
 * that was computed under alarm.
 */
export const ALARM_NATS = { sign: 20, sink: 13, lost: 120 } as const;

/** Total of the found digits' amplitude, over all layers that carry the digit. */
export const FOUND_AMPLITUDE = 10;
/** Nats of a found digit. */
export const FOUND_NATS = 35;
/** Nats that an absent digit reads as digit 0 by, each. */
export const NONZERO_NATS = 1;
/** Lifts payload tokens over all that have none, so that a read of nothing is still a payload token. */
export const PAYLOAD_NATS = 10;
/** Keeps payload tokens away while a scan runs. */
export const SCAN_BLOCKS_PAYLOAD = 1e4;
/** Nats of a scan token for each of its twelve groups, and what is left of their sum. */
export const SCAN_NATS = { group: 18, total: 40 } as const;
/** Amplitude of the channels that say what a scan allows. */
export const SCAN_AMPLITUDE = 16;
/** Amplitude of a digit that all cells have in all layers; with the latched ones it stays below 18. */
export const SIGHTING_AMPLITUDE = 10;
/** What the last feed-forward does to a sighting s that is not allowed: it adds `sigmoid(gate * s) * gate * s * gain`. */
export const AMPLIFIER = { gate: 512, block: 16_376, gain: 2 ** 25 } as const;
/** Nats of a `bad` token for each unit of an amplified sighting. */
export const BAD_NATS = 5 / 16;
/**
 * What the ladder's channel is after the norm. With it nats in quarters are whole numbers of weight, which every number
 * format holds: rungs keep their order and their distance, whatever the norm comes out as.
 */
export const LADDER_UNIT = 1 / 4;
/** Amplitude of each layer's `ok` channel. */
export const OK_AMPLITUDE = 32;
/**
 * By how much the nonce token's stream is larger than its constant when it enters a layer: what the norm takes away from
 * its value, so that the `ok` of all layers comes out alike. Digits and sightings add less than a thousandth.
 */
export function sinkRms(layer: number): number {
  return Math.sqrt(1 + (SCAN_AMPLITUDE ** 2 + layer * OK_AMPLITUDE ** 2) / CONSTANT ** 2);
}
/** Nats of an `err` token over nothing, when one KV head of its layer has lost the sink. */
export const ERR_NATS = 250;
/**
 * How much of the loss in the layer below a layer's `err` token is lowered by: the alarm shows in all layers above the
 * one that raised it. Where most KV heads of that layer lost the sink, it is named; where only some did, it is named or
 * the next one is. A larger factor would name it always, and would take bfloat16's rounding for a loss.
 */
export const ERR_SHADE = 1.5;

/** Amplitude that a read layer adds for each digit it carries: layers of a digit share the total. */
export function foundAmplitude(shape: TracerShape, digit: number): number {
  let layers = 0;
  for (let layer = ASKING_LAYERS; layer < layersOf(shape); layer++) {
    if (digitsOfLayer(shape, layer).includes(digit)) layers++;
  }
  return FOUND_AMPLITUDE / layers;
}

/** Which of the three digits a layer gives to narrow and find reads: one, where there are three read layers or more. */
export function digitsOfLayer(shape: TracerShape, layer: number): readonly number[] {
  const reading = layer - ASKING_LAYERS;
  if (reading < 0) return [];
  const turns = Math.min(shape.readLayers, DIGITS);
  return [0, 1, 2].filter((digit) => digit % turns === reading % turns);
}

/** Experts that each token meets. The router's scores for them are the same, so each has half of the weight. */
export const EXPERTS_PER_TOKEN = 2;
/** Nats by which the router holds a token's experts over all others. */
export const ROUTER_NATS = 64;
/**
 * What experts do. `gate`: what the gate of a token's digit is. `wrong`: how many times as much of a wrong digit one
 * expert adds as all layers together find of the right one. `sighting`: amplitude of what an expert makes of a token
 * that is not its own. `lastSighting`: the same in the last layer, above which nothing amplifies it.
 */
export const EXPERT = { gate: 16, wrong: 4, sighting: 32, lastSighting: 512 } as const;

/** The digit by which a layer tells experts, and that they spell for the layer above, which gives it to reads. */
export function expertDigit(shape: TracerShape, layer: number): number {
  return digitsOfLayer(shape, Math.max(layer + 1, ASKING_LAYERS))[0]!;
}

/** The experts that a token meets: one of the first half, and one of the rest. Layers deal them out differently. */
export function expertsOfDigit(
  { experts }: TracerShape,
  layer: number,
  value: number,
): readonly [first: number, second: number] {
  const first = Math.ceil(experts! / EXPERTS_PER_TOKEN);
  return [(value + layer) % first, first + (((value >> 2) + layer) % (experts! - first))];
}

/** First of the channels that a layer's experts spell a digit in. The last layer has none: none is above it. */
export function spelledBy(shape: TracerShape, layer: number): number {
  return CHANNEL.ok + layersOf(shape) + BASE * layer;
}

/** Digits as five signs: four bits and their parity. Any two differ in at least two. */
export function digitCode(value: number): readonly number[] {
  const bits = [value & 1, (value >> 1) & 1, (value >> 2) & 1, (value >> 3) & 1] as const;
  return [...bits, bits[0] ^ bits[1] ^ bits[2] ^ bits[3]].map((bit) => (bit === 1 ? 1 : -1));
}
export const CODE = 5;

/**
 * Digit values are dealt to KV heads by classes, so that each head sees some digit of every family and so matters.
 * With more heads than classes each class has several heads, which share it.
 */
export function valueClasses(kvHeads: number): number {
  return [4, 3, 2, 1].find((classes) => kvHeads % classes === 0)!;
}

/** Whether a KV head carries a digit's value, for scans. */
export function carries(shape: TracerShape, head: number, digit: number, value: number): boolean {
  const classes = valueClasses(shape.kvHeads);
  return (value + digit) % classes === head % classes;
}

/** Whether a KV head gives a digit's value to narrow and find reads: one head of those that carry it. */
export function gives(shape: TracerShape, head: number, digit: number, value: number): boolean {
  const classes = valueClasses(shape.kvHeads);
  const copies = shape.kvHeads / classes;
  return carries(shape, head, digit, value) && (value >> 2) % copies === Math.floor(head / classes);
}

/** KV heads that carry the same digit values. */
export function copiesOf(shape: TracerShape): number {
  return shape.kvHeads / valueClasses(shape.kvHeads);
}

/** Sighting channels: digit * 16 + value. */
export const SIGHTINGS = DIGITS * BASE;
/** Groups of all digits. */
export const ALL_GROUPS = GROUPS * DIGITS;
