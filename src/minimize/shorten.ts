/** Passes that make prompts and answers shorter and reads nearer. */

import { isSend, type Part, type Segment, type SendStep, type Trace } from "../trace/schema.ts";
import { lowerNumber, type Pass } from "./search.ts";
import { tidy } from "./tidy.ts";

type Piece = Extract<Part, { seg: string }>;

/** Puts the first used segment in the place of another: fewer names to follow. */
export function* mergeSegments(trace: Trace): Pass {
  let best = trace;
  const [first, ...others] = Object.keys(trace.segments);
  if (first === undefined) return best;
  for (const other of others.reverse()) {
    const candidate = replaceSegment(best, other, first);
    if (yield candidate) best = candidate!;
  }
  return best;
}

function replaceSegment(trace: Trace, from: string, to: string): Trace | null {
  const [old, kept] = [trace.segments[from], trace.segments[to]];
  if (!old || !kept) return null;
  // Bounds written out first, since the kept segment may have to grow.
  const bounded = mapPieces(trace, (p) => ({ ...p, to: p.to ?? trace.segments[p.seg]!.length }));
  const segments: Record<string, Segment> = {
    ...trace.segments,
    [to]: { ...kept, length: Math.max(kept.length, old.length) },
  };
  return tidy({ ...mapPieces(bounded, (p) => (p.seg === from ? { ...p, seg: to } : p)), segments });
}

/** Shortens each segment in all prompts at once, then each piece of a prompt from its end, then from its start. */
export function* shortenPrompts(trace: Trace, blockSize: number): Pass {
  let best = trace;
  for (const [id, { length }] of Object.entries(best.segments)) {
    best = yield* lowerNumber(best, length, 1, blockSize, (t, cells) =>
      tidy(mapPieces(t, (p) => (p.seg === id ? cut(t, p, cells) : p))),
    );
  }
  for (const { send } of best.steps.filter(isSend)) {
    // Pieces are numbered from the back: joining two of them does not renumber those still to come.
    for (let fromBack = 1; fromBack < promptOf(best, send).length; fromBack++) {
      if ("seg" in promptOf(best, send).at(-1 - fromBack)!) best = yield* shortenPiece(best, send, fromBack, blockSize);
    }
  }
  return best;
}

function* shortenPiece(trace: Trace, send: string, fromBack: number, blockSize: number): Pass {
  const bounds = (t: Trace): { from: number; to: number } => {
    const part = promptOf(t, send).at(-1 - fromBack)! as Piece;
    return { from: part.from ?? 0, to: part.to ?? t.segments[part.seg]!.length };
  };
  const set = (t: Trace, from: number, to: number): Trace | null =>
    tidy(
      mapPieces(t, (p, step, i) =>
        step.send === send && step.prompt.length - 1 - i === fromBack ? { ...p, from, to } : p,
      ),
    );
  const start = bounds(trace);
  // Where the whole segment ends with this piece alone, the joint cut has been here already.
  let best = yield* lowerNumber(trace, start.to, start.from + 1, blockSize, (t, to) => set(t, start.from, to));
  const { from, to } = bounds(best);
  if (from === 0) return best;
  const moved = set(best, 0, to - from);
  if (yield moved) best = moved!;
  return best;
}

/** Lowers every `maxTokens` under one cap, then each on its own. */
export function* shortenAnswers(trace: Trace): Pass {
  let best = trace;
  const cap = (t: Trace, most: number, only?: string): Trace =>
    mapSends(t, (s) => (only === undefined || s.send === only ? { ...s, maxTokens: Math.min(s.maxTokens, most) } : s));
  const sends = best.steps.filter(isSend);
  if (sends.length > 1) {
    const longest = Math.max(...sends.map((s) => s.maxTokens));
    best = yield* lowerNumber(best, longest, 1, 1, (t, most) => cap(t, most));
  }
  for (const { send } of sends) {
    const now = best.steps.filter(isSend).find((s) => s.send === send)!;
    best = yield* lowerNumber(best, now.maxTokens, 1, 1, (t, most) => cap(t, most, send));
  }
  return best;
}

/** Brings narrow reads nearer; a scan is as simple as a read can be. */
export function* nearReads(trace: Trace): Pass {
  let best = trace;
  for (const { send, prompt } of trace.steps.filter(isSend)) {
    const read = prompt.at(-1)!;
    if (!("read" in read) || read.read !== "narrow") continue;
    best = yield* lowerNumber(best, read.back, 1, 1, (t, back) =>
      tidy(mapSends(t, (s) => (s.send === send ? { ...s, prompt: [...s.prompt.slice(0, -1), { ...read, back }] } : s))),
    );
  }
  return best;
}

function promptOf(trace: Trace, send: string): readonly Part[] {
  return trace.steps.filter(isSend).find((s) => s.send === send)!.prompt;
}

function cut(trace: Trace, piece: Piece, cells: number): Piece {
  const to = piece.to ?? trace.segments[piece.seg]!.length;
  return { ...piece, from: Math.min(piece.from ?? 0, cells), to: Math.min(to, cells) };
}

function mapSends(trace: Trace, change: (step: SendStep) => SendStep): Trace {
  return { ...trace, steps: trace.steps.map((s) => (isSend(s) ? change(s) : s)) };
}

function mapPieces(trace: Trace, change: (piece: Piece, step: SendStep, index: number) => Piece): Trace {
  return mapSends(trace, (s) => ({ ...s, prompt: s.prompt.map((p, i) => ("seg" in p ? change(p, s, i) : p)) }));
}
