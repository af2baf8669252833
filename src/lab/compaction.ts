/**
 * Compaction: between two steps, blocks in use at the pool's end are moved to free places nearer its beginning, a few at a
 * time. All that know a block by its number learn the new one.
 */

import type { CellStore } from "../tracer/cells.ts";
import type { BatchRows } from "./batch-rows.ts";
import { copyBlocks } from "./copy-block.ts";
import type { KvCache, ReportCacheEvent } from "./kv-cache.ts";
import type { Sequence } from "./sequence.ts";

/** A block in use, and the free place that it is moved to. */
export interface Move {
  readonly from: number;
  readonly to: number;
}

export class Compaction {
  readonly #kv: KvCache;
  readonly #rows: BatchRows;
  /** Whose cells go by these blocks: the target's, and the drafter's beside them. */
  readonly #stores: readonly CellStore[];
  readonly #most: number;
  readonly #report: ReportCacheEvent;

  /** @param most blocks that are moved between two steps at most */
  constructor(kv: KvCache, rows: BatchRows, stores: readonly CellStore[], most: number, report: ReportCacheEvent) {
    this.#kv = kv;
    this.#rows = rows;
    this.#stores = stores;
    this.#most = most;
    this.#report = report;
  }

  /**
   * Moves what there is to move, at once. No step may be under way.
   * @param holders all that know blocks here by their numbers, but for the rows, the prefix index and sessions
   */
  compact(holders: readonly Pick<Sequence, "blocks">[]): void {
    const moves = this.plan();
    if (moves.length === 0) return;
    this.copy(moves);
    const { pool, prefixes, sessions } = this.#kv;
    for (const { from, to } of moves) {
      pool.move(from, to);
      prefixes.move(from, to);
    }
    const places = new Map(moves.map(({ from, to }) => [from, to]));
    for (const { blocks } of [...holders, ...sessions.turns.values()]) renumber(blocks, places);
    this.#rows.renumber(places);
    this.#report(
      "move",
      moves.map(({ to }) => to),
    );
  }

  /** The last blocks in use that may be moved, each with the first place that is free. */
  plan(): Move[] {
    const { pool } = this.#kv;
    const moves: Move[] = [];
    let from = pool.count;
    for (const to of this.places()) {
      while (from > to && !this.isMovable(from)) from--;
      if (from <= to || moves.length === this.#most) break;
      moves.push({ from: from--, to });
    }
    return moves;
  }

  /** Places that blocks may be moved to, the first one first. */
  places(): readonly number[] {
    return this.#kv.pool.sortBlank();
  }

  /** Whether somebody holds a block, and no load, store or transfer is writing or reading it. */
  isMovable(block: number): boolean {
    const { incoming, outgoing, pool } = this.#kv;
    return pool.references(block) > 0 && ![...incoming, ...outgoing].some((blocks) => blocks.includes(block));
  }

  copy(moves: readonly Move[]): void {
    for (const store of this.#stores) for (const { from, to } of moves) this.copyCells(store, from, to);
  }

  /** Copies a block's cells within a store. */
  copyCells(store: CellStore, from: number, to: number): void {
    copyBlocks(store, [to], store, [from], this.#kv.blockSize);
  }
}

/** Puts new numbers in the place of old ones. */
function renumber(blocks: number[], places: ReadonlyMap<number, number>): void {
  for (const [i, block] of blocks.entries()) blocks[i] = places.get(block) ?? block;
}
