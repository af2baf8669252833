/** The host tier: evicted blocks kept in host memory, and brought back layer by layer while compute goes on. */

import type { CellStore } from "../tracer/cells.ts";
import type { VirtualClock } from "./clock.ts";
import { copyBlock } from "./copy-block.ts";
import { HostLink, type Load } from "./host-link.ts";

/** Blocks in host memory by prefix-cache key, least recently used first. */
export class HostTier {
  readonly #cells: CellStore;
  readonly #blockSize: number;
  /** Least recently used first. */
  readonly slotOf = new Map<string, number>();
  readonly #free: number[];
  /** Loads that read each host block: it must not be given away under them. */
  readonly readers: Int32Array;
  readonly #link: HostLink;

  /** @param cells room for `blocks` blocks */
  constructor(cells: CellStore, blocks: number, blockSize: number, link = new HostLink()) {
    this.#link = link;
    this.#cells = cells;
    this.#blockSize = blockSize;
    this.#free = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
    this.readers = new Int32Array(blocks);
  }

  /** Keeps an evicted block; false if it was here already, or all host blocks are being read. */
  store(key: string, device: CellStore, block: number): boolean {
    const known = this.slotOf.get(key);
    if (known !== undefined) {
      this.slotOf.delete(key);
      this.slotOf.set(key, known);
      return false;
    }
    const place = this.#free.pop() ?? this.giveAway();
    if (place === null) return false;
    this.copyIn(place, device, block);
    this.slotOf.set(key, place);
    return true;
  }

  /** Copies a block of the device into a host block, at once. */
  copyIn(place: number, device: CellStore, block: number): void {
    for (let layer = 0; layer < device.layers; layer++) this.copyLayer(place, device, block, layer);
  }

  copyLayer(place: number, device: CellStore, block: number, layer: number): void {
    copyBlock(this.#cells, place, device, block, layer, this.#blockSize);
  }

  /** Keys of the longest run that is here, from the first on. */
  find(keys: readonly string[]): string[] {
    const missing = keys.findIndex((key) => !this.slotOf.has(key));
    return keys.slice(0, missing === -1 ? keys.length : missing);
  }

  /** Keeps blocks from being given away until `unpin`. */
  pin(keys: readonly string[]): readonly number[] {
    return keys.map((key) => {
      const place = this.slotOf.get(key)!;
      this.readers[place]!++;
      return place;
    });
  }

  unpin(places: readonly number[]): void {
    for (const place of places) {
      if (--this.readers[place]! > 0) continue;
      // A flush may have forgotten the key while the load still read the block.
      if (![...this.slotOf.values()].includes(place)) this.#free.push(place);
    }
  }

  /**
   * Brings pinned blocks back, layer by layer and in each layer block by block. `done` is called when the last has come.
   * @param micros virtual time of one layer of one block
   */
  load(
    clock: VirtualClock,
    places: readonly number[],
    device: CellStore,
    blocks: readonly number[],
    micros: number,
    done: () => void,
  ): Load {
    const route = { from: this.#cells, places, to: device, blocks, blockSize: this.#blockSize };
    return this.#link.load(clock, route, micros, () => {
      this.unpin(places);
      done();
    });
  }

  get size(): number {
    return this.slotOf.size;
  }

  clear(): void {
    for (const place of this.slotOf.values()) if (this.readers[place] === 0) this.#free.push(place);
    this.slotOf.clear();
  }

  /** Takes the least recently used host block that nobody reads; null if there is none. */
  giveAway(): number | null {
    for (const [key, place] of this.slotOf) {
      if (this.readers[place]! > 0) continue;
      this.slotOf.delete(key);
      return place;
    }
    return null;
  }
}
