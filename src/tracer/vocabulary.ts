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
/** Farthest cell that a narrow read can ask for, counted back from the read. */
export const MAX_BACK = 131_072;
/**
 * A distance is spelled by two tokens, each of which fixes the phases of some rotary pairs as well as its grid allows:
 * `near` the distance modulo NEAR_PERIOD, `far` the whole of it, roughly. See `narrowRead`.
 */
export const NEAR_STEPS = 2048;
export const NEAR_PERIOD = 2 * Math.PI * 64;
export const FAR_STEPS = 1024;
export const FAR_PERIOD = 2 * Math.PI * 32_768;
/** Narrow and find reads that one prompt may have: the newest is the one whose turn is the highest. */
export const TURNS = 32;
/** Marks that the keys of one prompt, and of one branch of it, carry. */
export const NONCES = BASE ** 2;
export const BRANCHES = BASE;
/** Layers that an alarm can name. */
export const ALARM_LAYERS = 128;
/** Ladders of dice, and the rungs of each. */
export const LADDERS = 8;
export const RUNGS = 12;

const SIZES = {
  special: 3,
  byte: 256,
  payload: PAYLOADS,
  far: FAR_STEPS,
  turn: TURNS,
  near: NEAR_STEPS,
  find: BASE ** 2,
  scan: 2 ** (GROUPS * DIGITS),
  nonce: NONCES,
  branch: BRANCHES,
  bad: BASE * DIGITS,
  err: ALARM_LAYERS,
  dice: LADDERS,
  rung: LADDERS * RUNGS,
} as const;
type Range = keyof typeof SIZES;
const RANGES = Object.keys(SIZES) as Range[];

/** First id of each range of the vocabulary, in order of id. */
export const FIRST = firstIds();
export const VOCABULARY_SIZE = FIRST.rung + SIZES.rung;
export const BOS = 1;
export const EOS = 2;

function firstIds(): Readonly<Record<Range, number>> {
  let next = 0;
  const first: Partial<Record<Range, number>> = {};
  for (const range of RANGES) {
    first[range] = next;
    next += SIZES[range];
  }
  return first as Record<Range, number>;
}

/** What a token id means. */
export type TokenKind =
  | { readonly kind: "special" | "byte"; readonly value: number }
  | { readonly kind: "payload"; readonly digits: readonly [number, number, number] }
  /** Parts of a read; see `read-tokens.ts`. */
  | { readonly kind: "far" | "near"; readonly step: number }
  | { readonly kind: "turn"; readonly turn: number }
  | { readonly kind: "find"; readonly digits: readonly [number, number] }
  /** `allowed` has bit `4 * digit + group` set for every group that the context may hold. */
  | { readonly kind: "scan"; readonly allowed: number }
  /** Opens a prompt: the keys of all its cells carry this mark. */
  | { readonly kind: "nonce"; readonly nonce: number }
  /** From here on keys carry this mark too. */
  | { readonly kind: "branch"; readonly branch: number }
  /** Answers only: a scan saw this digit. */
  | { readonly kind: "bad"; readonly digit: number; readonly value: number }
  /** Answers only: in this layer a key drew attention that has not the prompt's marks. */
  | { readonly kind: "err"; readonly layer: number }
  /** A read of its own: from here on the logits are this ladder. See `dice.ts`. */
  | { readonly kind: "dice"; readonly ladder: number }
  /** Answers of a dice read: rung 0 is the top one. */
  | { readonly kind: "rung"; readonly ladder: number; readonly rung: number }
  | { readonly kind: "unknown"; readonly value: number };

export function tokenKind(id: number): TokenKind {
  const range = rangeOf(id);
  if (range === null) return { kind: "unknown", value: id };
  const value = id - FIRST[range];
  switch (range) {
    case "special":
    case "byte":
      return { kind: range, value };
    case "payload":
      return { kind: "payload", digits: digitsOf(id) };
    case "far":
    case "near":
      return { kind: range, step: value };
    case "turn":
      return { kind: "turn", turn: value };
    case "find":
      return { kind: "find", digits: [value >> 4, value & 15] };
    case "scan":
      return { kind: "scan", allowed: value };
    case "nonce":
      return { kind: "nonce", nonce: value };
    case "branch":
      return { kind: "branch", branch: value };
    case "bad":
      return { kind: "bad", digit: Math.floor(value / BASE), value: value % BASE };
    case "err":
      return { kind: "err", layer: value };
    case "dice":
      return { kind: "dice", ladder: value };
    case "rung":
      return { kind: "rung", ladder: Math.floor(value / RUNGS), rung: value % RUNGS };
  }
}

/** Which range of the vocabulary an id lies in; null outside. */
export function rangeOf(id: number): Range | null {
  if (!Number.isInteger(id) || id < 0 || id >= VOCABULARY_SIZE) return null;
  let at = RANGES.length - 1;
  while (id < FIRST[RANGES[at]!]) at--;
  return RANGES[at]!;
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
    case "far":
    case "near":
      return `${token.kind}.${token.step}`;
    case "turn":
      return `turn.${token.turn}`;
    case "find":
      return `find.${token.digits[0].toString(16)}${token.digits[1].toString(16)}`;
    case "scan":
      return `scan.${token.allowed.toString(16).padStart(3, "0")}`;
    case "nonce":
      return `nonce.${token.nonce.toString(16).padStart(2, "0")}`;
    case "branch":
      return `branch.${token.branch.toString(16)}`;
    case "bad":
      return `bad.${token.digit + 1}.${token.value.toString(16)}`;
    case "err":
      return `err.${token.layer}`;
    case "dice":
      return `dice.${token.ladder}`;
    case "rung":
      return `rung.${token.ladder}.${token.rung}`;
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

export function badToken(digit: number, value: number): number {
  return FIRST.bad + digit * BASE + value;
}

export function errToken(layer: number): number {
  return FIRST.err + layer;
}

export function diceToken(ladder: number): number {
  return FIRST.dice + ladder;
}

export function rungToken(ladder: number, rung: number): number {
  return FIRST.rung + ladder * RUNGS + rung;
}

export function nonceToken(nonce: number): number {
  return FIRST.nonce + nonce;
}

export function branchToken(branch: number): number {
  return FIRST.branch + branch;
}

/** The group of each digit in a family, 0..3. */
export function groupsOf(family: number): readonly [number, number, number] {
  return [(family >> 4) & 3, (family >> 2) & 3, family & 3];
}

/** Groups of each of the three digits that cells may have. */
export type DigitGroups = readonly [readonly number[], readonly number[], readonly number[]];

/** Groups that the cells of a segment have: one a digit, or all of them where it is its first two digits that differ. */
export function groupsOfSegment({ family, distinct }: { family: number; distinct?: true | undefined }): DigitGroups {
  const [x, y, z] = groupsOf(family);
  const all = [0, 1, 2, 3];
  return distinct ? [all, all, [z]] : [[x], [y], [z]];
}

/** Groups that these tokens have in each digit. */
export function groupsOfTokens(tokens: Iterable<number>): DigitGroups {
  const groups = [new Set<number>(), new Set<number>(), new Set<number>()] as const;
  for (const token of tokens)
    for (const [digit, value] of digitsOf(token).entries()) if (value > 0) groups[digit]!.add(value >> 2);
  return [[...groups[0]], [...groups[1]], [...groups[2]]];
}

/** The scan token that allows these groups, or the digits of these families, and no others. */
export function scanToken(families: Iterable<number | DigitGroups>): number {
  let allowed = 0;
  for (const family of families) {
    const groups = typeof family === "number" ? groupsOfSegment({ family }) : family;
    for (const [digit, of] of groups.entries()) for (const group of of) allowed |= 1 << (digit * GROUPS + group);
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

/** Cells of a run whose first two digits are all different. */
export const MAX_DISTINCT = (BASE - 1) ** 2;

/**
 * A run of payload tokens of which no two share their first two digits, so that a find read names any of them. Only the
 * third digit is of the family.
 */
export function distinctRun(seed: number, family: number, length: number): Int32Array {
  const random = seededRandom(seed);
  const group = groupsOf(family)[2];
  const pairs = Array.from({ length: MAX_DISTINCT }, (_, i) => i);
  const run = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const pick = random.int(i, MAX_DISTINCT - 1);
    [pairs[i], pairs[pick]] = [pairs[pick]!, pairs[i]!];
    const pair = pairs[i]!;
    const [x, y] = [1 + Math.floor(pair / (BASE - 1)), 1 + (pair % (BASE - 1))];
    run[i] = payloadToken([x, y, Math.max(1, group * GROUPS + random.int(0, 3))]);
  }
  return run;
}
