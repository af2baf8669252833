/**
 * LoRA adapters of the tracer, as symbols: what a cell holds that was computed under one.
 *
 * An adapter moves each digit that a value stores to another group of four, and flips two signs of the nonce's mark in
 * the keys. So a cell tells which adapter computed it: narrow and find reads by its digits, a scan by groups that its
 * prompt does not have under its own adapter, the alarm by its mark. Keys keep the digits of the token, so that a find
 * read looks for what the prompt says. `adapter-weights.ts` has the numbers.
 */

import { CODE } from "./shape.ts";
import { BASE, type DigitGroups, digitsOf, GROUPS, isPayload, payloadToken } from "./vocabulary.ts";

export const ADAPTERS = ["a1", "a2", "a3", "a4"] as const;
export type AdapterName = (typeof ADAPTERS)[number];

/** By how many groups each digit moves. The base and the first three differ in all digits, any two in two at least. */
export const MOVES: Readonly<Record<AdapterName, readonly [number, number, number]>> = {
  a1: [1, 1, 1],
  a2: [2, 2, 2],
  a3: [3, 3, 3],
  a4: [1, 2, 3],
};

/**
 * The digit value that a cell stores under an adapter. Digit 0 stands for no payload and stays. What would become 0
 * becomes 1, so in one of the four groups two values are stored alike.
 */
export function storedValue(adapter: AdapterName, digit: number, value: number): number {
  return value === 0 ? 0 : Math.max(1, (value + (BASE / GROUPS) * MOVES[adapter][digit]!) % BASE);
}

/** The token that a cell's value stands for: other digits for payload, no change for other tokens. Null: no adapter. */
export function storedToken(adapter: AdapterName | null, token: number): number {
  if (adapter === null || !isPayload(token)) return token;
  const [x, y, z] = digitsOf(token);
  return payloadToken([storedValue(adapter, 0, x), storedValue(adapter, 1, y), storedValue(adapter, 2, z)]);
}

/** Groups that cells have whose tokens have these. */
export function storedGroups(adapter: AdapterName | null, groups: DigitGroups): DigitGroups {
  if (adapter === null) return groups;
  const moved = (digit: number) => groups[digit]!.map((group) => (group + MOVES[adapter][digit]!) % GROUPS);
  return [moved(0), moved(1), moved(2)];
}

/**
 * Whether an adapter flips this one of the ten signs of a nonce: one in each digit's code. That makes both codes odd, so
 * a mark under an adapter is two signs or more from every mark under none.
 */
export function flipsSign(adapter: AdapterName | null, sign: number): boolean {
  return adapter !== null && sign % CODE === ADAPTERS.indexOf(adapter);
}
