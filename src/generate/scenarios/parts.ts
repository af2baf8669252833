/** What scenarios are made of: reads, sizes and a writer. */

import { NARROW_TOKENS } from "../../tracer/read-tokens.ts";
import type { Aim } from "../aim.ts";
import { cellsPerRequest, payloadRoom, type TraceLimits } from "../limits.ts";
import { SceneWriter } from "../scene.ts";

export const scan = (tokens: number): Aim => ({ kind: "scan", tokens });
export const narrow = (place: "start" | "boundary", shift: number, tokens: number): Aim => ({
  kind: "narrow",
  place,
  where: 0,
  shift,
  tokens,
});

/** Whole blocks of about `share` of a prompt's room, four blocks at most. */
export function cellsOf(limits: TraceLimits, share: number): number {
  const size = edgeOf(limits);
  return size * Math.max(1, Math.min(4, Math.floor((payloadRoom(limits) * share) / size)));
}

export function edgeOf(limits: TraceLimits): number {
  return Math.max(16, limits.blockSize);
}

export const writer = (limits: TraceLimits): SceneWriter => new SceneWriter(limits, edgeOf(limits));

/** Whole blocks of about half of a prompt's room. */
export const halfPrompt = (limits: TraceLimits): number =>
  edgeOf(limits) * Math.max(1, Math.floor(payloadRoom(limits) / 2 / edgeOf(limits)));

/** How many prompts fill the pool together, but for a block each, so that all are admitted before any has answered. */
export function fillingPrompts(limits: TraceLimits): { count: number; prompt: number; answer: number } {
  const cells = cellsPerRequest(limits);
  const answer = Math.min(96, Math.floor(cells / 3));
  const count = limits.preempts ? Math.max(2, Math.min(Math.ceil(limits.poolCells / cells), 6)) : 2;
  const share = Math.floor(limits.poolCells / count / limits.blockSize - 1) * limits.blockSize;
  return { count, answer, prompt: Math.min(cells - answer, Math.max(share, limits.blockSize)) - NARROW_TOKENS };
}
