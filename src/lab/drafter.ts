/** The drafter of speculative decoding: a model beside the target that guesses the tokens to come, and errs at times. */

import { seededRandom } from "../random.ts";
import { CellStore } from "../tracer/cells.ts";
import { computeChunk } from "../tracer/predict.ts";
import type { TracerShape } from "../tracer/shape.ts";
import { BASE, payloadToken } from "../tracer/vocabulary.ts";
import type { Sequence } from "./sequence.ts";

/** Share of guesses that are at random: a drafter that is always right would never have a draft rejected. */
const ERRS = 0.2;

/** Has cells of its own, which lie in its pool where the target's lie in theirs: both go by the same block tables. */
export class Drafter {
  readonly cells: CellStore;

  /** @param slots of the target's pool */
  constructor(shape: TracerShape, slots: number) {
    this.cells = new CellStore(shape, slots);
  }

  /**
   * Computes what it has not computed of a sequence, and guesses `count` tokens that follow.
   * @param slots where the cells of positions 0 .. sequence.tokens.length + count - 2 lie
   */
  propose(sequence: Sequence, slots: ArrayLike<number>, count: number): number[] {
    const { tokens, adapter } = sequence;
    const drafts: number[] = [];
    let start = sequence.drafted;
    let chunk = tokens.slice(start);
    while (drafts.length < count) {
      const [likeliest] = computeChunk(this.cells, slots, start, chunk, adapter).candidates;
      start += chunk.length;
      const draft = guess(sequence.id, start, likeliest);
      drafts.push(draft);
      chunk = [draft];
    }
    sequence.drafted = tokens.length;
    return drafts;
  }
}

/** What it guesses where `likeliest` is right: the same for the same request and position. */
function guess(request: string, position: number, likeliest: number | undefined): number {
  const random = seededRandom([...request].reduce((sum, c) => Math.imul(sum, 31) + c.charCodeAt(0), position));
  const digit = () => random.int(0, BASE - 1);
  return random.next() < ERRS || likeliest === undefined ? payloadToken([digit(), digit(), digit()]) : likeliest;
}
