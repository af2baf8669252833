/** From named segments to token ids. */

import type { AdapterName } from "../tracer/adapter.ts";
import type { Penalties } from "../tracer/dice.ts";
import { readOf } from "../tracer/read-tokens.ts";
import type { Part, SendStep, Trace } from "./schema.ts";
import { adapterOf, isSend, penaltiesOf } from "./schema.ts";
import { answerTo, placesOf, type ReadName, type Span, segmentRuns, type Turn, writeOut } from "./write-out.ts";

export type { Span, Turn };

/** A request of a trace with its prompt written out. */
export interface ResolvedRequest {
  readonly id: string;
  /** Token ids; the last ones are the read's. */
  readonly prompt: Int32Array;
  readonly parts: readonly Part[];
  /** Where each segment's cells lie in the prompt, in order. */
  readonly spans: readonly Span[];
  /** The reads of the prompt, in order; the last one ends it. */
  readonly turns: readonly Turn[];
  readonly maxTokens: number;
  readonly cache: boolean;
  /** Only requests with the same one may share cached cells. */
  readonly salt: string | null;
  readonly read: ReadName;
  /** For a narrow read: how many cells before the read the first answer lies. */
  readonly back: number | null;
  /** Position of the first cell that the answer spells out; null for a scan, which looks at all, and for dice, at none. */
  readonly asked: number | null;
  /** The mark that all its keys carry; each generated token then tests every key. */
  readonly nonce: number | null;
  /** The adapter that computes its cells; null for the base. */
  readonly adapter: AdapterName | null;
  /** What moves the answer of a dice read. */
  readonly penalties: Penalties;
  /** Answers that it asks for, each of them the same. */
  readonly choices: number;
  /** Held to a grammar, it answers right whatever its cells hold. */
  readonly grammar: boolean;
}

/** Writes out every request of a trace, in the order of its steps. */
export function resolveRequests(trace: Trace): Map<string, ResolvedRequest> {
  const runs = segmentRuns(trace.segments);
  return new Map(trace.steps.filter(isSend).map((step) => [step.send, resolve(trace, step, runs)]));
}

function resolve(trace: Trace, step: SendStep, runs: (id: string) => Int32Array): ResolvedRequest {
  const adapter = adapterOf(step);
  const { prompt, spans, turns } = writeOut(step.prompt, trace.segments, adapter, runs);
  const read = readOf(prompt);
  if (read === null) throw new Error(`request ${step.send} has no read: validate the trace first`);
  const back = read.read === "narrow" ? read.back : null;
  const found = read.read === "find" ? (placesOf(prompt, read.digits)[0] ?? null) : null;
  const [first] = step.prompt;
  return {
    id: step.send,
    prompt,
    parts: step.prompt,
    spans,
    turns,
    maxTokens: step.maxTokens,
    cache: step.cache ?? true,
    salt: step.salt ?? null,
    read: read.read,
    back,
    asked: back === null ? found : prompt.length - read.tokens - back,
    nonce: first && "nonce" in first ? first.nonce : null,
    adapter,
    penalties: penaltiesOf(step),
    choices: step.n ?? 1,
    grammar: step.grammar ?? false,
  };
}

/**
 * The only right answer to a request: the payload cells that a narrow read points at, and behind the prompt its own
 * answer; the token that a find read looks for, or the scan token itself, for as long as the engine generates; the rungs
 * that a dice read's penalties lead to. Payload as the request's adapter stores it.
 */
export function expectedTokens(
  request: Pick<ResolvedRequest, "prompt" | "maxTokens" | "adapter"> & Partial<Pick<ResolvedRequest, "penalties">>,
): Int32Array {
  return answerTo(request.prompt, request.maxTokens, request.adapter, request.penalties);
}
