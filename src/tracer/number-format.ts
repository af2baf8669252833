/** Formats that a model file stores its weights in. Rounding is to the nearest, ties to even, as hardware does it. */

import { CrosstalkError } from "../errors.ts";

export const NUMBER_FORMATS = ["f32", "bf16", "f16"] as const;
export type NumberFormat = (typeof NUMBER_FORMATS)[number];

export const BYTES_OF: Readonly<Record<NumberFormat, number>> = { f32: 4, bf16: 2, f16: 2 };
const LARGEST_F16 = 65504;

/**
 * The numbers as a file holds them, little-endian.
 * @param name of the tensor, for the error
 * @throws CrosstalkError INVALID_OPTION for a number that F16 cannot hold
 */
export function encodeNumbers(numbers: Float32Array, format: NumberFormat, name: string): Uint8Array {
  if (format === "f32") return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const halves = new Uint16Array(numbers.length);
  for (const [i, word] of bits.entries()) {
    if (word === 0) continue;
    if (format === "bf16") halves[i] = toBfloat16(word);
    else if (Math.abs(numbers[i]!) <= LARGEST_F16) halves[i] = toFloat16(word);
    else throw tooLarge(numbers[i]!, name);
  }
  return new Uint8Array(halves.buffer);
}

/** The numbers again, as an engine computes with them. */
export function decodeNumbers(bytes: Uint8Array, format: NumberFormat): Float32Array {
  // Not `slice`, which of a Buffer is no copy.
  const copy = new Uint8Array(bytes).buffer;
  if (format === "f32") return new Float32Array(copy);
  const halves = new Uint16Array(copy);
  const numbers = new Float32Array(halves.length);
  if (format === "f16") return numbers.map((_, i) => fromFloat16(halves[i]!));
  const bits = new Uint32Array(numbers.buffer);
  for (const [i, half] of halves.entries()) bits[i] = half << 16;
  return numbers;
}

function toBfloat16(word: number): number {
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** Of a number that F16 can hold. */
function toFloat16(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 127;
  if (exponent < -25) return sign;
  // Below 2^-14 the steps stay 2^-24: fewer bits of the mantissa are left.
  const dropped = exponent >= -14 ? 13 : -exponent - 1;
  const mantissa = (word & 0x7fffff) | 0x800000;
  const rest = mantissa & ((1 << dropped) - 1);
  const half = 1 << (dropped - 1);
  let kept = mantissa >>> dropped;
  if (rest > half || (rest === half && (kept & 1) === 1)) kept++;
  // The leading one of `kept` adds itself to the exponent, as does a carry.
  return sign | (exponent >= -14 ? ((exponent + 14) << 10) + kept : kept);
}

function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 0x3ff;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

function tooLarge(value: number, name: string): CrosstalkError {
  return new CrosstalkError(
    "INVALID_OPTION",
    `the tracer's ${name} holds ${value}, and F16 ends at ${LARGEST_F16}`,
    "Write the model with --dtype bf16 or f32, and let the engine compute in one of these.",
  );
}
