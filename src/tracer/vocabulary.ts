/** The tracer's tokens: what each id means, and how payloads are made. */

import { seededRandom } from "../random.ts";

/** Digits are base 16. */
export const BASE = 16;
/** Digits in a payload token. */
export const DIGITS = 3;
/** Payload tokens: one for each combination of three digits. */
export const PAYLOADS = BASE ** DIGITS;
/** A digit's value belongs to one of four groups of four values: 0..3, 4..7, 8..11, 12..15. */
export const GROUPS = 4;
/** Families: one choice of a group for each of the three digits. */
export const FAMILIES = GROUPS ** DIGITS;
/** Distances that a narrow read can ask for: 0 .. MAX_BACK - 1 cells back. */
export const MAX_BACK = 2048;

const SPECIALS = 3;
const BYTES = 256;
/** First id of each range of the vocabulary. */
export const FIRST = {
  byte: SPECIALS,
  payload: SPECIALS + BYTES,
  narrow: SPECIALS + BYTES + PAYLOADS,
  scan: SPECIALS + BYTES + PAYLOADS + MAX_BACK,
  bad: SPECIALS + BYTES + PAYLOADS + MAX_BACK + 2 ** (GROUPS * DIGITS),
} as const;
export const VOCABULARY_SIZE = FIRST.bad + BASE * DIGITS;
export const BOS = 1;
export const EOS = 2;

/** What a token id means. */
export type TokenKind =
  | { readonly kind: "special" | "byte"; readonly value: number }
  | { readonly kind: "payload"; readonly digits: readonly [number, number, number] }
  | { readonly kind: "narrow"; readonly back: number }
  /** `allowed` has bit `4 * digit + group` set for every group that the context may hold. */
  | { readonly kind: "scan"; readonly allowed: number }
  | { readonly kind: "bad"; readonly digit: number; readonly value: number }
  | { readonly kind: "unknown"; readonly value: number };

export function tokenKind(id: number): TokenKind {
  if (!Number.isInteger(id) || id < 0 || id >= VOCABULARY_SIZE) return { kind: "unknown", value: id };
  if (id >= FIRST.bad) {
    const rest = id - FIRST.bad;
    return { kind: "bad", digit: Math.floor(rest / BASE), value: rest % BASE };
  }
  if (id >= FIRST.scan) return { kind: "scan", allowed: id - FIRST.scan };
  if (id >= FIRST.narrow) return { kind: "narrow", back: id - FIRST.narrow };
  if (id >= FIRST.payload) return { kind: "payload", digits: digitsOf(id) };
  if (id >= FIRST.byte) return { kind: "byte", value: id - FIRST.byte };
  return { kind: "special", value: id };
}

/** The spelling of a token, as the model's tokenizer has it. */
export function tokenName(id: number): string {
  const token = tokenKind(id);
  switch (token.kind) {
    case "special":
      return ["<unk>", "<s>", "</s>"][token.value]!;
    case "byte":
      return `<0x${token.value.toString(16).toUpperCase().padStart(2, "0")}>`;
    case "payload":
      return `p${(id - FIRST.payload).toString(16).padStart(3, "0")}`;
    case "narrow":
      return `@${token.back}`;
    case "scan":
      return `scan.${token.allowed.toString(16).padStart(3, "0")}`;
    case "bad":
      return `bad.${token.digit + 1}.${token.value.toString(16)}`;
    case "unknown":
      return `?${token.value}`;
  }
}

/** The three digits of a payload token, most significant first; other tokens hold digit 0 in every place. */
export function digitsOf(id: number): readonly [number, number, number] {
  const payload = isPayload(id) ? id - FIRST.payload : 0;
  return [payload >> 8, (payload >> 4) & 15, payload & 15];
}

export function isPayload(id: number): boolean {
  return id >= FIRST.payload && id < FIRST.payload + PAYLOADS;
}

export function payloadToken(digits: readonly [number, number, number]): number {
  return FIRST.payload + (digits[0] << 8) + (digits[1] << 4) + digits[2];
}

export function narrowToken(back: number): number {
  return FIRST.narrow + back;
}

export function badToken(digit: number, value: number): number {
  return FIRST.bad + digit * BASE + value;
}

/** The group of each digit in a family, 0..3. */
export function groupsOf(family: number): readonly [number, number, number] {
  return [(family >> 4) & 3, (family >> 2) & 3, family & 3];
}

/** The scan token that allows the digits of these families and no others. */
export function scanToken(families: Iterable<number>): number {
  let allowed = 0;
  for (const family of families) {
    for (const [digit, group] of groupsOf(family).entries()) allowed |= 1 << (digit * GROUPS + group);
  }
  return FIRST.scan + allowed;
}

/** Whether a scan token allows this digit value. Digit 0 is what non-payload tokens hold: never flagged. */
export function scanAllows(scan: number, digit: number, value: number): boolean {
  return value === 0 || (((scan - FIRST.scan) >> (digit * GROUPS + (value >> 2))) & 1) === 1;
}

/**
 * A run of payload tokens of one family. Digits are 1..15: digit 0 is kept for cells that hold no payload, so that a
 * narrow read tells an unwritten cell from a written one.
 */
export function payloadRun(seed: number, family: number, length: number): Int32Array {
  const random = seededRandom(seed);
  const groups = groupsOf(family);
  const run = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    let payload = 0;
    for (const group of groups) payload = payload * BASE + Math.max(1, group * GROUPS + random.int(0, 3));
    run[i] = FIRST.payload + payload;
  }
  return run;
}
