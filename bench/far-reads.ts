/** A prompt as long as wanted, and the reads that are asked over all of it. */

import type { Random } from "../src/random.ts";
import { findRead } from "../src/tracer/read-tokens.ts";
import { digitsOf, distinctRun, payloadRun, scanToken } from "../src/tracer/vocabulary.ts";

/** Of the nonce token at position 0. */
export const NONCE = 0x35;
const FAMILY = 21;
/** Distances of narrow reads between the nearest and the farthest. */
const DISTANCES = 12;

export interface FarReads {
  /** By position; the nonce comes in the place of the first. */
  readonly payload: Int32Array;
  readonly scan: number;
  /** Distances of narrow reads. */
  readonly backs: readonly number[];
  /** A find of the one cell that has its digits. */
  readonly find: { readonly read: readonly number[]; readonly right: number };
}

/** @param context tokens before the read */
export function farReads(context: number, random: Random): FarReads {
  const found = distinctRun(1, FAMILY, 1)[0]!;
  const payload = payloadRun(2, FAMILY, context);
  const [x, y] = digitsOf(found);
  // They lie outside the family.
  if (Array.from(payload).some((t) => digitsOf(t)[0] === x && digitsOf(t)[1] === y)) throw new Error("found twice");
  payload[context >> 1] = found;
  return {
    payload,
    scan: scanToken([FAMILY, [[x >> 2], [y >> 2], []]]),
    backs: [1, context - 1, ...Array.from({ length: DISTANCES }, () => random.int(2, context - 2))],
    find: { read: findRead([x, y]), right: found },
  };
}
