/** A trace in its plainest spelling. */

import {
  isSend,
  type Part,
  promptLength,
  type Segment,
  type SendStep,
  type Step,
  type Trace,
  traceSchema,
} from "../trace/schema.ts";

interface Piece {
  readonly seg: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The same requests with the same token ids at the same times, said with fewer words: unused segments dropped, segments
 * no longer than prompts use them, adjoining pieces joined, bounds left out where they say nothing. Every candidate is
 * tidied, which costs no run. A read also keeps within its prompt, an answer with its read, and a branch with its nonce;
 * that does change a request, and only makes a candidate valid after its prompt was cut.
 * Null where a request is left with no cell to read.
 */
export function tidy(trace: Trace): Trace | null {
  const used = new Map<string, number>();
  const prompts = new Map<SendStep, Part[]>();
  for (const step of trace.steps.filter(isSend)) {
    const parts = joined(trace, step.prompt);
    prompts.set(step, parts);
    for (const p of parts) if ("seg" in p) used.set(p.seg, Math.max(used.get(p.seg) ?? 0, p.to!));
  }
  const steps: Step[] = [];
  for (const step of trace.steps) {
    const next = isSend(step) ? tidySend(trace, step, prompts.get(step)!, used) : step;
    if (next === null) return null;
    steps.push(next);
  }
  const segments: Record<string, Segment> = {};
  for (const [id, s] of Object.entries(trace.segments)) {
    const length = used.get(id);
    if (length !== undefined) segments[id] = { ...s, length };
  }
  const tidied = { ...trace, segments, steps };
  // What a find read asks for must still be the only one of its kind.
  const finds = steps.some((s) => isSend(s) && s.prompt.some((p) => "read" in p && p.read === "find"));
  return finds && !traceSchema.safeParse(tidied).success ? null : tidied;
}

/** The prompt's parts with pieces that have bounds, adjoining ones joined, empty ones left out. */
function joined(trace: Trace, prompt: readonly Part[]): Part[] {
  const parts: Part[] = [];
  for (const part of prompt) {
    if (!("seg" in part)) {
      parts.push(part);
      continue;
    }
    const piece: Piece = { seg: part.seg, from: part.from ?? 0, to: part.to ?? trace.segments[part.seg]!.length };
    if (piece.to <= piece.from) continue;
    const previous = parts.at(-1);
    if (previous && "seg" in previous && previous.seg === piece.seg && previous.to === piece.from)
      parts[parts.length - 1] = { ...previous, to: piece.to };
    else parts.push(piece);
  }
  return parts;
}

function tidySend(trace: Trace, step: SendStep, parts: Part[], used: ReadonlyMap<string, number>): SendStep | null {
  const tidied: Part[] = [];
  for (const p of parts) {
    const cells = promptLength(trace, tidied);
    const before = tidied.at(-1);
    if ("seg" in p) {
      const [from, to] = [p.from ?? 0, p.to!];
      tidied.push({ seg: p.seg, ...(from > 0 ? { from } : {}), to });
    } else if ("read" in p) {
      if (cells === 0) return null;
      tidied.push("back" in p ? { read: p.read, back: Math.min(p.back, cells) } : p);
    } else if ("answer" in p) {
      if (!before || !("read" in before)) continue;
      tidied.push(p);
    } else if (!("branch" in p) || (tidied[0] && "nonce" in tidied[0])) tidied.push(p);
  }
  if (!tidied.some((p) => "seg" in p)) return null;
  const prompt = tidied.map((p): Part => {
    if (!("seg" in p) || p.to! < used.get(p.seg)!) return p;
    const { to: _, ...whole } = p;
    return whole;
  });
  return { ...step, prompt };
}
