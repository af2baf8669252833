/**
 * What embeddings requests get in the place of tokens: the output of their prompts' last token. A step leaves what each
 * chunk of theirs ends with in the chunk's row of a buffer; the rows of prompts that are whole are copied out of it.
 */

import type { BatchRows } from "./batch-rows.ts";
import type { Sequence } from "./sequence.ts";
import type { BatchEntry } from "./worker.ts";

/** The last output of a row. */
export interface Pooled {
  readonly of: Sequence;
  /** The token that it stands for; null where nothing was asked, as in the middle of a prompt. */
  readonly token: number | null;
}

export class Pooler {
  readonly #rows: BatchRows;
  /** By row. */
  readonly #buffer: (Pooled | undefined)[] = [];

  constructor(rows: BatchRows) {
    this.#rows = rows;
  }

  /**
   * What a step brings its embeddings requests: one output for each that ends.
   * @param batch what the step has computed, without those that have left
   * @param output the token that the last one of a chunk is followed by
   */
  pool(batch: readonly BatchEntry[], output: (entry: BatchEntry) => number | null): ReadonlyMap<BatchEntry, Pooled> {
    for (const entry of batch) {
      const { sequence } = entry;
      if (sequence.embed) this.#buffer[this.#rows.rowOf(sequence)] = { of: sequence, token: output(entry) };
    }
    const ending = this.ending(batch);
    const copied = this.copy(ending, batch);
    return new Map(ending.map((entry, place) => [entry, copied[place]!]));
  }

  /** The embeddings requests of a step that end with it: their prompts are whole. */
  ending(batch: readonly BatchEntry[]): BatchEntry[] {
    return batch.filter(({ pools }) => pools);
  }

  /** Copies the rows of those that end, in their order. */
  copy(ending: readonly BatchEntry[], _batch: readonly BatchEntry[]): Pooled[] {
    return ending.map(({ sequence }) => this.#buffer[this.#rows.rowOf(sequence)]!);
  }
}
