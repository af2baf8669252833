/**
 * The weights of an adapter: low-rank changes of the value projection in every layer, and of the output projection in
 * layer 0. They are read off the base's own weights, so that what they take away is what stands there, to the bit.
 */

import { type AdapterName, flipsSign, storedValue } from "./adapter.ts";
import { type Matrix, put, zeros } from "./matrix.ts";
import { CHANNEL, CODE, SIGHTINGS } from "./shape.ts";
import { BASE } from "./vocabulary.ts";
import { ROLE, type TracerWeights } from "./weights.ts";

/** Rank of all changes, one for each digit value; those that need less are filled up with zeros. */
export const ADAPTER_RANK = SIGHTINGS;

/** What is added to a matrix W of `out` by `in`: `b * a`, with a scale of 1. */
export interface LowRank {
  /** Rank by `in`. */
  readonly a: Matrix;
  /** `out` by rank. */
  readonly b: Matrix;
}

export interface AdapterLayer {
  readonly value: LowRank;
  /** Null where nothing changes. */
  readonly output: LowRank | null;
}

/** By layer. The output's columns do not depend on the rotary layout, nor do the value's rows. */
export function adapterWeights(base: TracerWeights, adapter: AdapterName): readonly AdapterLayer[] {
  return base.layers.map(({ value, output }, layer) => ({
    value: digitsMoved(value, adapter),
    output: layer === 0 ? nonceFlipped(base, value, output, adapter) : null,
  }));
}

/** Each channel of the value that carries a digit of the stream carries those digits instead that move there. */
function digitsMoved(value: Matrix, adapter: AdapterName): LowRank {
  const [a, b] = [zeros(ADAPTER_RANK, value.columns), zeros(value.rows, ADAPTER_RANK)];
  for (let row = 0; row < value.rows; row++) {
    for (let i = 0; i < SIGHTINGS; i++) {
      const weight = value.data[row * value.columns + CHANNEL.digits + i]!;
      if (weight === 0) continue;
      const digit = Math.floor(i / BASE);
      for (let from = 0; from < BASE; from++) {
        const [before, after] = [from === i % BASE, storedValue(adapter, digit, from) === i % BASE];
        if (before !== after) put(a, i, CHANNEL.digits + digit * BASE + from, after ? weight : -weight);
      }
      put(b, row, i, 1);
    }
  }
  return { a, b };
}

/**
 * Layer 0: the nonce head fetches some signs of the nonce the other way round. The nonce token ends with minus its
 * mark, of which it holds minus two itself: its look-back head, which sees itself, takes four of them away.
 */
function nonceFlipped(base: TracerWeights, value: Matrix, output: Matrix, adapter: AdapterName): LowRank {
  const { headSize } = base.shape;
  const [a, b] = [zeros(ADAPTER_RANK, output.columns), zeros(output.rows, ADAPTER_RANK)];
  for (let sign = 0; sign < 2 * CODE; sign++) {
    if (!flipsSign(adapter, sign)) continue;
    const channel = CHANNEL.nonce + sign;
    const carrier = Array.from({ length: headSize }, (_, row) => row).find(
      (row) => value.data[row * value.columns + channel] !== 0,
    )!;
    const fetched = ROLE.nonce * headSize + carrier;
    const weight = output.data[channel * output.columns + fetched]!;
    put(a, sign, fetched, -2 * weight);
    put(a, sign, ROLE.lookBack * headSize + carrier, 4 * weight);
    put(b, channel, sign, 1);
  }
  return { a, b };
}
