/** Lengths of segments, near the edges of blocks: where the published bugs are. */

import fc from "fast-check";
import { payloadRoom, type TraceLimits } from "./limits.ts";

/** Longer prompts than this are rare: a trace must end within seconds. */
const USUAL_BLOCKS = 6;

/** Cells between two edges: the block, or where cells are reused one by one, the sizes that kernels work in. */
export function edge(limits: TraceLimits): fc.Arbitrary<number> {
  return limits.blockSize > 1 ? fc.constant(limits.blockSize) : fc.constantFrom(16, 32, 64);
}

/** One cell before an edge, on it, or one behind. */
export const besideEdge: fc.Arbitrary<number> = fc.constantFrom(-1, 0, 1);

/** Whole blocks in a segment that takes at most `share` of a prompt's room; at least one. */
export function blocks(limits: TraceLimits, size: number, share: number): fc.Arbitrary<number> {
  const most = Math.max(1, Math.floor((payloadRoom(limits) * share) / size));
  return fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: Math.min(most, USUAL_BLOCKS) }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: Math.min(most, 8 * USUAL_BLOCKS) }) },
  );
}

/** Blocks of a prefix that takes a third of a prompt's room or more, as far as a trace has time for it. */
export function longPrefix(limits: TraceLimits, size: number): fc.Arbitrary<number> {
  const most = Math.max(1, Math.min(8 * USUAL_BLOCKS, Math.floor((payloadRoom(limits) * 0.8) / size)));
  return fc.integer({ min: Math.ceil(most / 2.5), max: most });
}

/** Cells in a suffix: a few, or so many that an edge falls into it. */
export function suffixLength(size: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
    { weight: 2, arbitrary: fc.integer({ min: 3, max: size + 2 }) },
    {
      weight: 1,
      arbitrary: fc.record({ k: fc.integer({ min: 1, max: 2 }), off: besideEdge }).map(({ k, off }) => k * size + off),
    },
  );
}
