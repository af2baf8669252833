/** What a request reads: the whole context by a scan, or some cells worth a look by a narrow read. */

import fc from "fast-check";
import type { Part } from "../trace/schema.ts";
import { MAX_BACK } from "../tracer/vocabulary.ts";
import { share } from "./share.ts";

/** A read before the prompt's length is known. */
export type Aim =
  | { readonly kind: "scan"; readonly tokens: number }
  /** Reads from `shift` cells beside a place on: the prompt's start, where its last segment begins, or a block's edge. */
  | {
      readonly kind: "narrow";
      readonly place: "start" | "boundary" | "edge";
      /** For `edge`: which one, as a share of the prompt. */
      readonly where: number;
      readonly shift: number;
      readonly tokens: number;
    }
  /** Asks for one cell by its digits, at a share of the prompt and never its first: of a distinct segment only. */
  | { readonly kind: "find"; readonly where: number; readonly tokens: number };

const narrow = fc.record({
  kind: fc.constant("narrow" as const),
  place: fc.constantFrom("start" as const, "boundary" as const, "edge" as const),
  where: share,
  shift: fc.integer({ min: -4, max: 2 }),
  tokens: fc.integer({ min: 1, max: 32 }),
});

/** Scans answer 4 to 48 tokens, and each of them looks at every cell again. */
const scan = fc.record({ kind: fc.constant("scan" as const), tokens: fc.integer({ min: 4, max: 48 }) });

/** Seven scans to three narrow reads: scans see everything, narrow reads say whose cell it was. */
export const anyAim: fc.Arbitrary<Exclude<Aim, { kind: "find" }>> = fc.oneof(
  { weight: 7, arbitrary: scan },
  { weight: 3, arbitrary: narrow },
);

/** A short scan, for requests that are there to fill the pool. */
export const fillerAim: fc.Arbitrary<Aim> = fc.record({
  kind: fc.constant("scan" as const),
  tokens: fc.integer({ min: 4, max: 8 }),
});

/** Long enough to be cancelled while it answers. */
export const longAim: fc.Arbitrary<Aim> = fc.record({
  kind: fc.constant("scan" as const),
  tokens: fc.integer({ min: 24, max: 48 }),
});

/** The read of a prompt of `payload` cells whose last segment begins at `boundary`, with at most `room` answers. */
export function aimed(
  aim: Aim,
  payload: number,
  boundary: number,
  edge: number,
  room: number,
): { readonly read: Part; readonly maxTokens: number } {
  if (aim.kind === "scan") return { read: { read: "scan" }, maxTokens: Math.min(aim.tokens, room) };
  if (aim.kind === "find") {
    const back = Math.max(1, payload - 1 - Math.floor(aim.where * (payload - 1)));
    return { read: { read: "find", back }, maxTokens: Math.min(aim.tokens, room) };
  }
  const edges = Math.floor((payload - 1) / edge);
  // A prompt of one segment has no boundary, and one shorter than a block no edge: any cell then.
  const anywhere = edges > 0 ? edge * Math.ceil(aim.where * edges) : Math.floor(aim.where * payload);
  const places = {
    start: Math.abs(aim.shift),
    boundary: (boundary || anywhere) + aim.shift,
    edge: anywhere + aim.shift,
  };
  const position = Math.max(0, places[aim.place]);
  const back = Math.max(1, Math.min(payload - position, MAX_BACK));
  return { read: { read: "narrow", back }, maxTokens: Math.min(aim.tokens, back, room) };
}
