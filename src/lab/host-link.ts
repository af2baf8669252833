/** One direction of the link between host memory and the device: it copies blocks one after the other, while compute goes on. */

import type { CellStore } from "../tracer/cells.ts";
import type { VirtualClock } from "./clock.ts";
import { copyBlock } from "./copy-block.ts";

/** A load under way: from when on each layer may be read, in microseconds. */
export interface Load {
  readonly readyAt: readonly number[];
}

/** Blocks that are read, and those that each is written to. */
export interface Route {
  readonly from: CellStore;
  readonly read: readonly number[];
  readonly to: CellStore;
  readonly written: readonly number[];
  readonly blockSize: number;
}

export class HostLink {
  #freeAt = 0;

  /**
   * Copies layer by layer and in each layer block by block. `done` is called when the last has come.
   * @param micros virtual time of one layer of one block, on average
   */
  copy(clock: VirtualClock, route: Route, micros: number, done: () => void): Load {
    const readyAt: number[] = [];
    let time = Math.max(clock.now, this.#freeAt);
    for (let layer = 0; layer < route.to.layers; layer++) {
      for (let i = 0; i < route.read.length; i++) {
        time += clock.taking(micros);
        clock.at(time, "copy", () => this.copyLayer(route, i, layer));
      }
      readyAt.push(time);
    }
    this.#freeAt = time;
    clock.at(time, "copy", done);
    return { readyAt };
  }

  /** Copies one layer of the route's block number `i`. */
  copyLayer({ from, read, to, written, blockSize }: Route, i: number, layer: number): void {
    copyBlock(to, written[i]!, from, read[i]!, layer, blockSize);
  }
}
