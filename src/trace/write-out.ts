/** A prompt's parts as token ids. */

import { type AdapterName, storedGroups, storedToken } from "../tracer/adapter.ts";
import { NO_PENALTIES, type Penalties, walk } from "../tracer/dice.ts";
import { findRead, narrowRead, readOf } from "../tracer/read-tokens.ts";
import {
  branchToken,
  type DigitGroups,
  diceToken,
  digitsOf,
  distinctRun,
  groupsOfSegment,
  groupsOfTokens,
  isPayload,
  nonceToken,
  payloadRun,
  payloadToken,
  rungToken,
  scanToken,
} from "../tracer/vocabulary.ts";
import type { Part, Segment } from "./schema.ts";

/** `length` cells of a segment, from its cell `from`, at position `start` of a prompt. */
export interface Span {
  readonly seg: string;
  readonly from: number;
  readonly start: number;
  readonly length: number;
}

export type ReadName = "narrow" | "scan" | "find" | "dice";

/** A read in a prompt, and the answer to it that the prompt goes on with. */
export interface Turn {
  readonly read: ReadName;
  /** Positions of the read's tokens, and then of the answer's. */
  readonly start: number;
  readonly tokens: number;
  readonly answer: number;
}

export interface WrittenPrompt {
  readonly prompt: Int32Array;
  /** Where each segment's cells lie, in order. */
  readonly spans: readonly Span[];
  readonly turns: readonly Turn[];
}

type Segments = Readonly<Record<string, Segment>>;

/** The cells of each segment of a trace, made once. */
export function segmentRuns(segments: Segments): (id: string) => Int32Array {
  const runs = new Map<string, Int32Array>();
  return (id) => {
    const known = runs.get(id);
    if (known) return known;
    const { seed, family, length, distinct } = segments[id]!;
    const run = (distinct ? distinctRun : payloadRun)(seed, family, length);
    runs.set(id, run);
    return run;
  };
}

/**
 * Writes out a prompt that the schema has passed, or the start of one. The adapter decides which groups a scan allows,
 * and what the answers in the prompt are.
 */
export function writeOut(
  parts: readonly Part[],
  segments: Segments,
  adapter: AdapterName | null,
  runs = segmentRuns(segments),
): WrittenPrompt {
  const tokens: number[] = [];
  const spans: Span[] = [];
  const turns: Turn[] = [];
  const allowed: DigitGroups[] = [];
  let asked = 0;
  for (const part of parts) {
    if ("nonce" in part) tokens.push(nonceToken(part.nonce));
    else if ("branch" in part) tokens.push(branchToken(part.branch));
    else if ("seg" in part) {
      const from = part.from ?? 0;
      const cells = runs(part.seg).subarray(from, part.to);
      spans.push({ seg: part.seg, from, start: tokens.length, length: cells.length });
      for (const cell of cells) tokens.push(cell);
      allowed.push(storedGroups(adapter, groupsOfSegment(segments[part.seg]!)));
    } else if ("answer" in part) {
      const last = turns.pop()!;
      turns.push({ ...last, answer: part.answer });
      const answer = answerTo(tokens, part.answer, adapter);
      for (const token of answer) tokens.push(token);
      allowed.push(storedGroups(adapter, groupsOfTokens(answer)));
    } else {
      const read = readTokens(part, tokens, allowed, asked);
      if (part.read === "narrow" || part.read === "find") asked++;
      turns.push({ read: part.read, start: tokens.length, tokens: read.length, answer: 0 });
      tokens.push(...read);
    }
  }
  return { prompt: Int32Array.from(tokens), spans, turns };
}

function readTokens(
  part: Extract<Part, { read: string }>,
  before: readonly number[],
  allowed: readonly DigitGroups[],
  asked: number,
): readonly number[] {
  if (part.read === "scan") return [scanToken(allowed)];
  if (part.read === "dice") return [diceToken(part.ladder)];
  if (part.read === "narrow") return narrowRead(part.back, asked);
  const [x, y] = digitsOf(before[before.length - part.back]!);
  return findRead([x, y], asked);
}

/** What a narrow read shows of a cell, by the adapter that computed it: cells without payload read as digits 0, 0, 0. */
export function shown(token: number, adapter: AdapterName | null): number {
  return payloadToken(digitsOf(storedToken(adapter, token)));
}

/**
 * The first `length` tokens of the only right answer to the read that these tokens end with.
 * @param penalties what moves a dice read's answer; no other's
 */
export function answerTo(
  prompt: ArrayLike<number>,
  length: number,
  adapter: AdapterName | null,
  penalties: Penalties = NO_PENALTIES,
): Int32Array {
  const read = readOf(prompt);
  if (read === null) throw new Error("the prompt does not end with a read: validate the trace first");
  switch (read.read) {
    case "scan":
      return new Int32Array(length).fill(prompt[prompt.length - 1]!);
    case "find": {
      const found = prompt[placesOf(prompt, read.digits)[0] ?? -1];
      return new Int32Array(length).fill(found === undefined ? -1 : shown(found, adapter));
    }
    case "dice":
      return Int32Array.from(walk(penalties, length).rungs, (rung) => rungToken(read.ladder, rung));
    case "narrow":
      return cellsFrom(prompt, prompt.length - read.tokens - read.back, length, adapter);
  }
}

/** What a narrow read shows from a position on: behind the prompt, the cells of its own answer, which are stored in turn. */
function cellsFrom(prompt: ArrayLike<number>, first: number, length: number, adapter: AdapterName | null): Int32Array {
  const answer = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const position = first + i;
    answer[i] = shown(position < prompt.length ? prompt[position]! : answer[position - prompt.length]!, adapter);
  }
  return answer;
}

/** Positions of the payload tokens whose first two digits are these. */
export function placesOf(prompt: ArrayLike<number>, digits: readonly [number, number]): number[] {
  const places: number[] = [];
  for (let i = 0; i < prompt.length; i++) {
    const token = prompt[i]!;
    if (!isPayload(token)) continue;
    const [x, y] = digitsOf(token);
    if (x === digits[0] && y === digits[1]) places.push(i);
  }
  return places;
}
