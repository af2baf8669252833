/** Prompts with their answers, saved whole in host memory when they lose their slot. */

import type { CellStore } from "../tracer/cells.ts";
import { copyBlocks } from "./copy-block.ts";
import type { LastTurn } from "./session.ts";

export interface SavedPrompt {
  readonly tokens: readonly number[];
  readonly root: string;
  /** Blocks of the host's cells. */
  readonly places: readonly number[];
}

/** What is told of copies: blocks of the device. */
export type ReportCopies = (what: "load" | "store", blocks: readonly number[]) => void;

export class PromptCache {
  readonly #cells: CellStore;
  readonly #blockSize: number;
  readonly #count: number;
  readonly #free: number[];
  readonly #report: ReportCopies;
  /** The one first that was saved first. */
  saved: readonly SavedPrompt[] = [];

  /** @param cells room for `count` blocks */
  constructor(cells: CellStore, count: number, blockSize: number, report: ReportCopies) {
    this.#cells = cells;
    this.#blockSize = blockSize;
    this.#count = count;
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i);
    this.#report = report;
  }

  /** Copies a slot's cells, at once; those that were saved first make room. One that is too large is not saved. */
  save({ blocks, root, tokens }: Pick<LastTurn, "blocks" | "root" | "tokens">, device: CellStore): void {
    if (blocks.length === 0 || blocks.length > this.#count) return;
    while (this.#free.length < blocks.length) this.forget(this.saved[0]!);
    const places = this.#free.splice(this.#free.length - blocks.length, blocks.length);
    copyBlocks(this.#cells, places, device, blocks, this.#blockSize);
    this.saved = [...this.saved, { tokens, root, places }];
    this.#report("store", blocks);
  }

  /** The saved prompt of which most can be used, if that is more than `least` tokens. */
  best(use: (saved: SavedPrompt) => number, least: number): SavedPrompt | null {
    let [best, most]: [SavedPrompt | null, number] = [null, least];
    for (const saved of this.saved) {
      const of = use(saved);
      if (of > most) [best, most] = [saved, of];
    }
    return best;
  }

  /** Copies a saved prompt into as many blocks of the device, at once, and forgets it. */
  load(saved: SavedPrompt, device: CellStore, blocks: readonly number[]): void {
    copyBlocks(device, blocks, this.#cells, saved.places, this.#blockSize);
    this.forget(saved);
    this.#report("load", blocks);
  }

  /** Gives a prompt's places to others. */
  forget(saved: SavedPrompt): void {
    this.saved = this.saved.filter((one) => one !== saved);
    this.#free.push(...saved.places);
  }

  clear(): void {
    for (const one of this.saved) this.forget(one);
  }
}
