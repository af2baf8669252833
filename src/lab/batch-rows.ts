/**
 * The rows of the running batch, as the accelerator's buffers hold them: a row keeps its request's block table and
 * sampling state. Rows lie without gaps: when one is removed, the last row moves into its place.
 */

import { NULL_BLOCK } from "./block-pool.ts";
import type { Sequence } from "./sequence.ts";

/** What a grammar allows in one step. */
export interface Bitmask {
  /** Whose grammar it is. */
  readonly owner: Sequence;
  /** Ids that may be drawn after what is known, and after each draft, as far as the grammar accepts the drafts. */
  readonly allowed: readonly (readonly number[])[];
}

export class BatchRows {
  readonly capacity: number;
  readonly #blockSize: number;
  /** By row. */
  readonly sequences: Sequence[] = [];
  readonly #rowOf = new Map<Sequence, number>();
  /** By row: block numbers; the null block behind the end. */
  readonly tables: Int32Array[];
  /** The same for layers with a sliding window. */
  readonly windowTables: Int32Array[];
  /** By row: how many blocks of the table are filled in. */
  readonly filled: Int32Array;
  /** By row: tokens that may still be generated. */
  readonly tokensLeft: Int32Array;
  /** By row: whose parameters its tokens are drawn with. */
  readonly samplers: Sequence[] = [];
  /** By row: to whose allowed tokens its tokens are held; null where all may be drawn. */
  readonly masks: (Sequence | null)[] = [];
  /** By row: what its grammar allows in this step; null for all. Written anew in each step. */
  readonly bitmasks: (Bitmask | null)[] = [];

  constructor(capacity: number, contextBlocks: number, blockSize: number) {
    this.capacity = capacity;
    this.#blockSize = blockSize;
    this.tables = Array.from({ length: capacity }, () => new Int32Array(contextBlocks));
    this.windowTables = Array.from({ length: capacity }, () => new Int32Array(contextBlocks));
    this.filled = new Int32Array(capacity);
    this.tokensLeft = new Int32Array(capacity);
  }

  get count(): number {
    return this.sequences.length;
  }

  /** -1 where it has none. */
  rowOf(sequence: Sequence): number {
    return this.#rowOf.get(sequence) ?? -1;
  }

  /** The request in the row after this one's, around the end; itself if it is alone. */
  neighbour(sequence: Sequence): Sequence {
    return this.sequences[(this.rowOf(sequence) + 1) % this.count]!;
  }

  add(sequence: Sequence): void {
    const row = this.sequences.push(sequence) - 1;
    this.#rowOf.set(sequence, row);
    this.tables[row]!.fill(NULL_BLOCK);
    this.windowTables[row]!.fill(NULL_BLOCK);
    this.filled[row] = 0;
    this.tokensLeft[row] = sequence.limit - sequence.tokens.length;
    this.setSampling(row, sequence);
    // A row without a request has no mask: whoever needs none writes none.
    if (sequence.allowed !== null) this.masks[row] = sequence;
  }

  setSampling(row: number, sequence: Sequence): void {
    this.samplers[row] = sequence;
  }

  remove(sequence: Sequence): void {
    const row = this.rowOf(sequence);
    this.clearMask(row);
    const moved = this.sequences.pop()!;
    this.#rowOf.delete(sequence);
    if (moved !== sequence) this.#move(this.count, row, moved);
  }

  /** Writes blocks that a request has got since its table was last written. Those that it gave back still stand there. */
  updateTables(): void {
    for (let row = 0; row < this.count; row++) {
      const { blocks, windowBlocks } = this.sequences[row]!;
      for (let i = this.filled[row]!; i < blocks.length; i++) {
        this.tables[row]![i] = blocks[i]!;
        this.windowTables[row]![i] = windowBlocks[i] ?? NULL_BLOCK;
      }
      this.filled[row] = blocks.length;
    }
  }

  /** Writes the new numbers of blocks that have been moved, in all tables. */
  renumber(places: ReadonlyMap<number, number>): void {
    for (let row = 0; row < this.count; row++) {
      const table = this.tables[row]!.subarray(0, this.filled[row]);
      for (const [i, block] of table.entries()) table[i] = places.get(block) ?? block;
    }
  }

  /** Where the cells of positions 0 .. length - 1 of a row lie in the pool, by one of its tables. */
  slots(row: number, length: number, tables = this.tables): Int32Array {
    const table = tables[row]!;
    const slots = new Int32Array(length);
    for (let position = 0, block = 0; position < length; block++) {
      const first = table[block]! * this.#blockSize;
      for (let i = 0; i < this.#blockSize && position < length; i++) slots[position++] = first + i;
    }
    return slots;
  }

  /** The request whose parameters a row's tokens are drawn with: its own. */
  sampledAs(row: number): Sequence {
    return this.samplers[row]!;
  }

  /** The request to whose allowed tokens a row's tokens are held; null for none. */
  maskedAs(row: number): Sequence | null {
    return this.masks[row] ?? null;
  }

  setBitmask(row: number, bitmask: Bitmask | null): void {
    this.bitmasks[row] = bitmask;
  }

  clearMask(row: number): void {
    this.masks[row] = null;
  }

  /** Counts a generated token; true if it was the row's last. */
  countToken(row: number): boolean {
    return --this.tokensLeft[row]! <= 0;
  }

  /** Moves everything that a row holds. */
  #move(from: number, to: number, sequence: Sequence): void {
    this.sequences[to] = sequence;
    this.#rowOf.set(sequence, to);
    this.moveTable(from, to);
    this.moveSampling(from, to);
    this.moveMask(from, to);
    this.moveTokensLeft(from, to);
  }

  moveTable(from: number, to: number): void {
    this.tables[to]!.set(this.tables[from]!);
    this.windowTables[to]!.set(this.windowTables[from]!);
    this.filled[to] = this.filled[from]!;
  }

  moveSampling(from: number, to: number): void {
    this.samplers[to] = this.samplers[from]!;
  }

  moveMask(from: number, to: number): void {
    this.masks[to] = this.masks[from] ?? null;
    this.clearMask(from);
  }

  moveTokensLeft(from: number, to: number): void {
    this.tokensLeft[to] = this.tokensLeft[from]!;
  }
}
