/** A scene: the requests of one hostile pattern, before they have a place in a trace. */

import { isSend, type Part, promptLength, type SendStep, type Step } from "../trace/schema.ts";
import { NARROW_TOKENS } from "../tracer/read-tokens.ts";
import { MAX_DISTINCT } from "../tracer/vocabulary.ts";
import { type Aim, aimed } from "./aim.ts";
import type { Spot } from "./families.ts";
import { cellsPerRequest, LEAST_ANSWER, payloadRoom, type TraceLimits } from "./limits.ts";
import type { CancelMoment } from "./timing.ts";

export const PATTERNS = [
  "dirty-pool",
  "prefix-tree",
  "cancel-and-retry",
  "pressure",
  "crossover",
  "twins",
  "rows-out-of-order",
  "slot-alternation",
  "equal-lengths",
  "conversation",
] as const;
export type PatternName = (typeof PATTERNS)[number];

export interface SceneSegment {
  readonly length: number;
  /** Its place among the scene's families. */
  readonly spot: Spot;
  /** Its cells can be asked for by their digits. */
  readonly distinct?: true;
}

/** Names of segments and requests are the scene's own; times count from its start, in order. */
export interface Scene {
  readonly pattern: PatternName;
  readonly segments: Readonly<Record<string, SceneSegment>>;
  readonly steps: readonly Step[];
}

/** A segment, or its first cells only. */
export type Piece = string | { readonly seg: string; readonly to: number };

/** Options of a request that make a scene what it is. */
export type Asking = Pick<SendStep, "embed" | "requestId" | "session">;

/** Writes a scene step by step; every request it takes fits the limits. */
export class SceneWriter {
  private readonly limits: TraceLimits;
  private readonly edge: number;
  private readonly segments: Record<string, SceneSegment> = {};
  private readonly steps: Step[] = [];

  /** @param edge cells between the edges that narrow reads aim at */
  constructor(limits: TraceLimits, edge: number) {
    this.limits = limits;
    this.edge = edge;
  }

  /** A segment, cut to what a prompt can hold, and to as many cells as can be distinct. */
  segment(id: string, length: number, spot: Spot, kind: Pick<SceneSegment, "distinct"> = {}): this {
    const most = Math.min(payloadRoom(this.limits), kind.distinct ? MAX_DISTINCT : Number.POSITIVE_INFINITY);
    this.segments[id] = { length: Math.max(1, Math.min(length, most)), spot, ...kind };
    return this;
  }

  /** @param asking what else it asks for; an embedding has one token */
  send(id: string, at: number, pieces: readonly Piece[], aim: Aim, asking: Asking = {}): this {
    const parts = this.fit(pieces.map((piece) => this.cells(piece)));
    const payload = parts.reduce((sum, part) => sum + part.to, 0);
    const room = cellsPerRequest(this.limits) - payload - NARROW_TOKENS;
    const { read, maxTokens } = aimed(aim, payload, payload - parts.at(-1)!.to, this.edge, room);
    const prompt: Part[] = parts.map(({ seg, to }) => (to === this.segments[seg]!.length ? { seg } : { seg, to }));
    this.steps.push({ at, send: id, prompt: [...prompt, read], maxTokens: asking.embed ? 1 : maxTokens, ...asking });
    return this;
  }

  /** Goes on with an earlier prompt and its whole answer. False, and nothing sent, where the limits leave no room. */
  reply(id: string, at: number, to: string, pieces: readonly string[], aim: Aim, asking: Asking = {}): boolean {
    const before = this.sent(to);
    const prompt: Part[] = [...before.prompt, { answer: before.maxTokens }, ...pieces.map((seg) => ({ seg }))];
    const cells = promptLength({ segments: this.segments }, prompt);
    const room = cellsPerRequest(this.limits) - cells - NARROW_TOKENS;
    if (room < LEAST_ANSWER) return false;
    const boundary = cells - promptLength({ segments: this.segments }, prompt.slice(-pieces.length));
    const { read, maxTokens } = aimed(aim, cells, boundary, this.edge, room);
    this.steps.push({ at, send: id, prompt: [...prompt, read], maxTokens, ...asking });
    return true;
  }

  /** The same prompt, read and limit as an earlier request of the scene. */
  repeat(id: string, at: number, like: string): this {
    this.steps.push({ ...this.sent(like), at, send: id });
    return this;
  }

  cancel(id: string, at: number, moment: CancelMoment): this {
    this.steps.push({ at, cancel: id, ...moment });
    return this;
  }

  /** Holds back what follows until the request has settled. */
  wait(id: string, at: number): this {
    this.steps.push({ at, wait: id });
    return this;
  }

  /** Empties the caches. All that was sent must be waited for: engines refuse to while requests use them. */
  flush(at: number): this {
    this.steps.push({ at, flush: true });
    return this;
  }

  finish(pattern: PatternName): Scene {
    return { pattern, segments: this.segments, steps: this.steps };
  }

  private sent(id: string): SendStep {
    return this.steps.find((s): s is SendStep => isSend(s) && s.send === id)!;
  }

  private cells(piece: Piece): { seg: string; to: number } {
    const seg = typeof piece === "string" ? piece : piece.seg;
    const { length } = this.segments[seg]!;
    return { seg, to: typeof piece === "string" ? length : Math.max(1, Math.min(piece.to, length)) };
  }

  /** Cuts the longest piece until the prompt fits: shared prefixes that are cut alike are still shared. */
  private fit(parts: { seg: string; to: number }[]): { seg: string; to: number }[] {
    let excess = parts.reduce((sum, part) => sum + part.to, 0) - payloadRoom(this.limits);
    while (excess > 0) {
      const longest = parts.reduce((a, b) => (b.to > a.to ? b : a));
      const cut = Math.min(excess, longest.to - 1);
      longest.to -= cut;
      excess -= cut;
    }
    return parts;
  }
}
