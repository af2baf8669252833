/**
 * The host tier: evicted blocks kept in host memory. They are stored there, and brought back, layer by layer while compute
 * goes on.
 */

import type { CellStore } from "../tracer/cells.ts";
import type { Evicted } from "./block-pool.ts";
import type { VirtualClock } from "./clock.ts";
import { HostLink, type Load } from "./host-link.ts";

/** A block of the device on its way to its place in the host. */
export interface StoredBlock {
  /** Null where a flush has forgotten it meanwhile. */
  key: string | null;
  readonly block: number;
  readonly place: number;
}

/** Blocks in host memory by prefix-cache key, least recently used first. */
export class HostTier {
  readonly #cells: CellStore;
  readonly #blockSize: number;
  /** Places of the blocks that are wholly here, least recently used first. */
  readonly slotOf = new Map<string, number>();
  /** Blocks of stores under way. Nobody finds them before their last layer has come. */
  readonly storing = new Set<StoredBlock>();
  /** Places that nothing is in. */
  readonly free: number[];
  /** Loads that read each host block: it must not be given away under them. */
  readonly readers: Int32Array;
  readonly #loads: HostLink;
  readonly stores = new HostLink();

  /** @param cells room for `blocks` blocks */
  constructor(cells: CellStore, blocks: number, blockSize: number, loads = new HostLink()) {
    this.#loads = loads;
    this.#cells = cells;
    this.#blockSize = blockSize;
    this.free = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
    this.readers = new Int32Array(blocks);
  }

  /**
   * Begins to store evicted blocks, layer by layer and in each layer block by block. One that is here or on its way already
   * is not stored again; one that there is no room for is lost.
   * @param micros virtual time of one layer of one block
   * @param done called with the blocks that were stored, when nothing reads them any more
   * @returns these blocks
   */
  store(
    clock: VirtualClock,
    device: CellStore,
    evicted: readonly Evicted[],
    micros: number,
    done: (blocks: readonly number[]) => void,
  ): readonly number[] {
    const stored = evicted.flatMap((one) => this.begin(one) ?? []);
    const blocks = stored.map(({ block }) => block);
    if (stored.length === 0) return blocks;
    const written = stored.map(({ place }) => place);
    const route = { from: device, read: blocks, to: this.#cells, written, blockSize: this.#blockSize };
    this.stores.copy(clock, route, micros, () => {
      for (const one of stored) this.acknowledge(one);
      done(blocks);
    });
    return blocks;
  }

  /** Gives a block a place to be stored in; null where it is not to be stored. */
  begin({ key, block }: Evicted): StoredBlock | null {
    const known = this.slotOf.get(key);
    if (known !== undefined) {
      this.slotOf.delete(key);
      this.slotOf.set(key, known);
      return null;
    }
    if ([...this.storing].some((one) => one.key === key)) return null;
    const place = this.free.pop() ?? this.giveAway();
    if (place === null) return null;
    const stored = { key, block, place };
    this.storing.add(stored);
    return stored;
  }

  /** A block's last layer has come: from now on its key is found. */
  acknowledge(stored: StoredBlock): void {
    this.storing.delete(stored);
    if (stored.key === null) this.free.push(stored.place);
    else this.slotOf.set(stored.key, stored.place);
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
      if (![...this.slotOf.values()].includes(place)) this.free.push(place);
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
    const route = { from: this.#cells, read: places, to: device, written: blocks, blockSize: this.#blockSize };
    return this.#loads.copy(clock, route, micros, () => {
      this.unpin(places);
      done();
    });
  }

  get size(): number {
    return this.slotOf.size;
  }

  /** What is being read or stored is free when that has ended. */
  clear(): void {
    for (const place of this.slotOf.values()) if (this.readers[place] === 0) this.free.push(place);
    this.slotOf.clear();
    for (const stored of this.storing) stored.key = null;
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
