/** From named segments to token ids. */

import { narrowToken, payloadRun, scanToken } from "../tracer/vocabulary.ts";
import type { Part, SendStep, Trace } from "./schema.ts";
import { isSend, promptLength } from "./schema.ts";

/** `length` cells of a segment, from its cell `from`, at position `start` of a prompt. */
export interface Span {
  readonly seg: string;
  readonly from: number;
  readonly start: number;
  readonly length: number;
}

/** A request of a trace with its prompt written out. */
export interface ResolvedRequest {
  readonly id: string;
  /** Token ids; the last is the read token. */
  readonly prompt: Int32Array;
  readonly parts: readonly Part[];
  /** Where each segment's cells lie in the prompt, in order. */
  readonly spans: readonly Span[];
  readonly maxTokens: number;
  readonly cache: boolean;
  readonly read: "narrow" | "scan";
  /** For a narrow read: how many cells before the read token the first answer lies. */
  readonly back: number | null;
}

/** Writes out every request of a trace, in the order of its steps. */
export function resolveRequests(trace: Trace): Map<string, ResolvedRequest> {
  const runs = new Map<string, Int32Array>();
  for (const [id, s] of Object.entries(trace.segments)) runs.set(id, payloadRun(s.seed, s.family, s.length));
  return new Map(trace.steps.filter(isSend).map((step) => [step.send, resolve(trace, step, runs)]));
}

function resolve(trace: Trace, step: SendStep, runs: ReadonlyMap<string, Int32Array>): ResolvedRequest {
  const prompt = new Int32Array(promptLength(trace, step.prompt));
  let length = 0;
  const families = new Set<number>();
  const spans: Span[] = [];
  for (const part of step.prompt) {
    if ("read" in part) continue;
    const cells = runs.get(part.seg)!.subarray(part.from ?? 0, part.to);
    prompt.set(cells, length);
    spans.push({ seg: part.seg, from: part.from ?? 0, start: length, length: cells.length });
    length += cells.length;
    families.add(trace.segments[part.seg]!.family);
  }
  const read = step.prompt.at(-1)!;
  if (!("read" in read)) throw new Error(`request ${step.send} has no read: validate the trace first`);
  prompt[length] = read.read === "narrow" ? narrowToken(read.back) : scanToken(families);
  return {
    id: step.send,
    prompt,
    parts: step.prompt,
    spans,
    maxTokens: step.maxTokens,
    cache: step.cache ?? true,
    read: read.read,
    back: read.read === "narrow" ? read.back : null,
  };
}

/**
 * The only right answer to a request: the payload cells that a narrow read points at, or the scan token itself for as
 * long as the engine generates.
 */
export function expectedTokens(request: Pick<ResolvedRequest, "prompt" | "maxTokens" | "back">): Int32Array {
  const { prompt, maxTokens, back } = request;
  const read = prompt.length - 1;
  if (back === null) return new Int32Array(maxTokens).fill(prompt[read]!);
  return prompt.slice(read - back, read - back + maxTokens);
}
