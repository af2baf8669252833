/** What a model with sliding window layers can be asked. */

import { NARROW_TOKENS } from "../tracer/read-tokens.ts";
import { isSend, promptLength, type SendStep, type Trace } from "./schema.ts";

/** The first request whose right answer needs cells that have left a window of so many; null if there is none. */
export function beyondWindow(trace: Trace, window: number): SendStep | null {
  return trace.steps.filter(isSend).find((step) => !fits(trace, step, window)) ?? null;
}

function fits(trace: Trace, { prompt, maxTokens }: SendStep, window: number): boolean {
  const [first, last] = [prompt[0]!, prompt.at(-1)!];
  // The alarm looks for the nonce token itself.
  if ("nonce" in first && promptLength(trace, prompt) + maxTokens > window) return false;
  if (!("read" in last)) return true;
  if (last.read === "narrow") return last.back <= farthestBack(window);
  return last.read !== "find" || last.back + maxTokens < window;
}

/** How far back a narrow read may ask: its last token is the one that looks. */
export function farthestBack(window: number): number {
  return window - NARROW_TOKENS;
}
