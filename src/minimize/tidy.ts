/** A trace in its plainest spelling. */

import { isSend, type Part, type Segment, type SendStep, type Step, type Trace } from "../trace/schema.ts";

interface Piece {
  readonly seg: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The same requests with the same token ids at the same times, said with fewer words: unused segments dropped, segments
 * no longer than prompts use them, adjoining pieces joined, bounds left out where they say nothing. Every candidate is
 * tidied, which costs no run. A narrow read also keeps within its prompt, and its answer within its read; that one does
 * change a request, and only makes a candidate valid after its prompt was cut.
 * Null where a request is left with no cell to read.
 */
export function tidy(trace: Trace): Trace | null {
  const used = new Map<string, number>();
  const prompts = new Map<SendStep, Piece[]>();
  for (const step of trace.steps.filter(isSend)) {
    const pieces = joined(trace, step.prompt);
    prompts.set(step, pieces);
    for (const p of pieces) used.set(p.seg, Math.max(used.get(p.seg) ?? 0, p.to));
  }
  const steps: Step[] = [];
  for (const step of trace.steps) {
    const next = isSend(step) ? tidySend(step, prompts.get(step)!, used) : step;
    if (next === null) return null;
    steps.push(next);
  }
  const segments: Record<string, Segment> = {};
  for (const [id, s] of Object.entries(trace.segments)) {
    const length = used.get(id);
    if (length !== undefined) segments[id] = { seed: s.seed, family: s.family, length };
  }
  return { ...trace, segments, steps };
}

function joined(trace: Trace, prompt: readonly Part[]): Piece[] {
  const pieces: Piece[] = [];
  for (const part of prompt) {
    if ("read" in part) continue;
    const piece = { seg: part.seg, from: part.from ?? 0, to: part.to ?? trace.segments[part.seg]!.length };
    if (piece.to <= piece.from) continue;
    const previous = pieces.at(-1);
    if (previous?.seg === piece.seg && previous.to === piece.from)
      pieces[pieces.length - 1] = { ...previous, to: piece.to };
    else pieces.push(piece);
  }
  return pieces;
}

function tidySend(step: SendStep, pieces: readonly Piece[], used: ReadonlyMap<string, number>): SendStep | null {
  if (pieces.length === 0) return null;
  const parts: Part[] = pieces.map((p) => ({
    seg: p.seg,
    ...(p.from > 0 ? { from: p.from } : {}),
    ...(p.to < used.get(p.seg)! ? { to: p.to } : {}),
  }));
  const read = step.prompt.at(-1)!;
  if (!("read" in read) || read.read === "scan") return { ...step, prompt: [...parts, read] };
  const back = Math.min(
    read.back,
    pieces.reduce((sum, p) => sum + p.to - p.from, 0),
  );
  return { ...step, prompt: [...parts, { read: "narrow", back }], maxTokens: Math.min(step.maxTokens, back) };
}
