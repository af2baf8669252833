/** The link from host memory to the device: it brings blocks one after the other, while compute goes on. */

import type { CellStore } from "../tracer/cells.ts";
import type { VirtualClock } from "./clock.ts";
import { copyBlock } from "./copy-block.ts";

/** A load under way: from when on each layer may be read, in microseconds. */
export interface Load {
  readonly readyAt: readonly number[];
}

/** Blocks of one store, and of the other, by turns. */
export interface LoadRoute {
  readonly from: CellStore;
  readonly places: readonly number[];
  readonly to: CellStore;
  readonly blocks: readonly number[];
  readonly blockSize: number;
}

export class HostLink {
  #freeAt = 0;

  /**
   * Copies layer by layer and in each layer block by block. `done` is called when the last has come.
   * @param micros virtual time of one layer of one block, on average
   */
  load(
    clock: VirtualClock,
    { from, places, to, blocks, blockSize }: LoadRoute,
    micros: number,
    done: () => void,
  ): Load {
    const readyAt: number[] = [];
    let time = Math.max(clock.now, this.#freeAt);
    for (let layer = 0; layer < to.layers; layer++) {
      for (const [i, block] of blocks.entries()) {
        time += clock.taking(micros);
        clock.at(time, "copy", () => copyBlock(to, block, from, places[i]!, layer, blockSize));
      }
      readyAt.push(time);
    }
    this.#freeAt = time;
    clock.at(time, "copy", done);
    return { readyAt };
  }
}
