/**
 * The feed-forward part of the layers. The last layer's amplifies what a scan saw; without experts the others add
 * nothing.
 *
 * With experts, each token meets two in every layer, one of either half, and its digit says which. Only the two of them
 * together spell that digit for the layer above, which gives it to narrow and find reads: each adds half of the digit,
 * and much of two wrong ones, which the other takes away. An expert that meets a token of another's spells a wrong digit,
 * and makes it a sighting of digits that no scan allows.
 */

import { type Matrix, put, zeros } from "./matrix.ts";
import {
  AMPLIFIER,
  CHANNEL,
  CONSTANT,
  EXPERT,
  expertDigit,
  expertsOfDigit,
  FOUND_AMPLITUDE,
  feedForwardSize,
  foundAmplitude,
  hiddenSize,
  layersOf,
  norm,
  ROUTER_NATS,
  SCAN_AMPLITUDE,
  SIGHTINGS,
  spelledBy,
  type TracerShape,
} from "./shape.ts";
import { BASE, DIGITS, GROUPS } from "./vocabulary.ts";

/** SwiGLU: gate and up are feed-forward by hidden; down is hidden by feed-forward. */
export interface FeedForward {
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
}

export interface RoutedFeedForward {
  /** Experts by hidden; null where all tokens meet the one feed-forward. */
  readonly router: Matrix | null;
  readonly experts: readonly FeedForward[];
}

/** The feed-forward part of every layer, the lowest first. */
export function feedForwards(shape: TracerShape): readonly RoutedFeedForward[] {
  const layers = Array.from({ length: layersOf(shape) }, (_, layer) => layer);
  if (shape.experts !== null) return layers.map((layer) => routed(shape, layer, shape.experts!));
  const idle = nothing(shape);
  const last = nothing(shape);
  amplify(shape, last);
  return layers.map((layer) => ({ router: null, experts: [layer === layers.length - 1 ? last : idle] }));
}

function nothing(shape: TracerShape): FeedForward {
  const [hidden, width] = [hiddenSize(shape), feedForwardSize(shape)];
  return { gate: zeros(width, hidden), up: zeros(width, hidden), down: zeros(hidden, width) };
}

/** Makes the smallest sighting of a digit that the scan does not allow a large one. */
function amplify(shape: TracerShape, { gate, up, down }: FeedForward): void {
  const unit = norm(shape);
  const half = Math.sqrt(AMPLIFIER.gain);
  for (let digit = 0; digit < DIGITS; digit++) {
    for (let value = 1; value < BASE; value++) {
      const i = digit * BASE + value;
      put(gate, i, CHANNEL.sightings + i, AMPLIFIER.gate / unit);
      put(gate, i, CHANNEL.notScan, -AMPLIFIER.block / (SCAN_AMPLITUDE * unit));
      put(gate, i, CHANNEL.allowed + digit * GROUPS + (value >> 2), -AMPLIFIER.block / (SCAN_AMPLITUDE * unit));
      put(up, i, CHANNEL.constant, half / (CONSTANT * unit));
      put(down, CHANNEL.sightings + i, i, half);
    }
  }
}

/** Each expert has a channel for each value of the digit, above those of the amplifier. */
function routed(shape: TracerShape, layer: number, count: number): RoutedFeedForward {
  const last = layer === layersOf(shape) - 1;
  const unit = norm(shape);
  const digit = expertDigit(shape, layer);
  const own = CHANNEL.digits + digit * BASE;
  // Layers 0 and 1 are of the same digit: what the first spells, the second passes on. The wrong digits of the one are
  // not the other's, so that wrong of wrong is not right.
  const asked = layer === 1 ? spelledBy(shape, 0) : own;
  const [one, two] = layer === 1 ? [4, 8] : [1, 2];
  const told = last ? CHANNEL.found + digit * BASE : spelledBy(shape, layer);
  const wrong = EXPERT.wrong * (last ? FOUND_AMPLITUDE : FOUND_AMPLITUDE / foundAmplitude(shape, digit));
  const router = zeros(count, hiddenSize(shape));
  for (let value = 0; value < BASE; value++)
    for (const e of expertsOfDigit(shape, layer, value)) put(router, e, asked + value, ROUTER_NATS / unit);
  const experts = Array.from({ length: count }, (_, e) => {
    const expert = nothing(shape);
    if (last) amplify(shape, expert);
    for (let value = 0; value < BASE; value++) {
      const row = SIGHTINGS + value;
      const half = expertsOfDigit(shape, layer, value).indexOf(e);
      const add = (channel: number, amplitude: number): void => put(expert.down, channel, row, amplitude / EXPERT.gate);
      put(expert.gate, row, (half < 0 ? own : asked) + value, EXPERT.gate / unit);
      put(expert.up, row, CHANNEL.constant, 1 / (CONSTANT * unit));
      if (half < 0) {
        add(told + (value ^ one), wrong);
        // One of each group, so that it is seen whatever the scan allows.
        for (let group = 0; group < GROUPS; group++)
          add(CHANNEL.sightings + digit * BASE + group * GROUPS + 3, last ? EXPERT.lastSighting : EXPERT.sighting);
      } else {
        // The last layer leaves the digit that was found as it is.
        if (!last) add(told + value, 1);
        add(told + (value ^ one), half === 0 ? wrong : -wrong);
        add(told + (value ^ two), half === 0 ? -wrong : wrong);
      }
    }
    return expert;
  });
  return { router, experts };
}
