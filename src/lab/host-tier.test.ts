import { expect, test } from "vitest";
import { CellStore, NOTHING } from "../tracer/cells.ts";
import { DEFAULT_SHAPE, SIGHTINGS } from "../tracer/shape.ts";
import type { Evicted } from "./block-pool.ts";
import { VirtualClock } from "./clock.ts";
import { HostTier } from "./host-tier.ts";

const SIZE = 2;
const seen = new Float64Array(SIGHTINGS);

/** A device whose blocks 0 and 1 hold token 500 + slot. */
function device(): CellStore {
  const cells = new CellStore(DEFAULT_SHAPE, 4 * SIZE);
  for (let layer = 0; layer < cells.layers; layer++)
    for (let slot = 0; slot < 2 * SIZE; slot++)
      cells.write(layer, slot, {
        position: slot,
        token: 500 + slot,
        stored: 500 + slot,
        seen,
        seenAt: 0,
        marks: null,
        lost: 0,
        question: null,
      });
  return cells;
}
const tokenAt = (cells: CellStore, layer: number, slot: number) => cells.planes[layer]![0]!.valueToken[slot];

/** A host of so many blocks behind a device. A layer of a block is copied in 10 µs. */
function hostOf(blocks: number) {
  const cells = device();
  const clock = new VirtualClock();
  const kept = new CellStore(DEFAULT_SHAPE, blocks * SIZE);
  const host = new HostTier(kept, blocks, SIZE);
  const done: (readonly number[])[] = [];
  const store = (...evicted: Evicted[]) => host.store(clock, cells, evicted, 10, (read) => done.push(read));
  const load = (places: readonly number[], to: readonly number[]) => host.load(clock, places, cells, to, 10, () => {});
  const until = (time: number) => {
    while (clock.nextAt !== null && clock.nextAt <= time) clock.step();
  };
  return { cells, done, host, kept, load, store, until };
}
const A = { key: "a", block: 0 };
const B = { key: "b", block: 1 };
const END = Number.POSITIVE_INFINITY;

test("blocks are stored layer by layer, and found when their last layer has come", () => {
  const { done, host, kept, store, until } = hostOf(2);
  expect(store(A, B)).toEqual([0, 1]);
  until(90);
  expect([3, 4].map((layer) => tokenAt(kept, layer, SIZE))).toEqual([500 + SIZE, NOTHING]);
  expect(tokenAt(kept, 4, 0)).toBe(500);
  expect([host.find(["a"]), done]).toEqual([[], []]);
  until(100);
  expect([host.find(["a", "b", "c"]), done]).toEqual([["a", "b"], [[0, 1]]]);
});

test("a stored block comes back layer by layer", () => {
  const { cells, host, load, store, until } = hostOf(2);
  store(A, B);
  until(END);
  const back = load(host.pin(["a", "b"]), [2, 3]);
  expect(back.readyAt).toEqual([120, 140, 160, 180, 200]);
  until(130);
  expect(tokenAt(cells, 0, 3 * SIZE)).toBe(500 + SIZE);
  expect(tokenAt(cells, 1, 2 * SIZE)).toBe(500);
  expect(tokenAt(cells, 1, 3 * SIZE)).toBe(NOTHING);
  until(END);
  expect(tokenAt(cells, 3, 3 * SIZE + 1)).toBe(500 + SIZE + 1);
});

test("loads share one link: the second begins when the first is done. Stores have another", () => {
  const { host, load, store, until } = hostOf(2);
  store(A);
  until(END);
  store(B);
  load(host.pin(["a"]), [2]);
  expect(load(host.pin(["a"]), [3]).readyAt[0]).toBe(110);
  until(100);
  expect(host.find(["b"])).toEqual(["b"]);
});

test("a key that is here or on its way is not stored again", () => {
  const { done, host, store, until } = hostOf(2);
  store(A);
  expect(store({ key: "a", block: 1 })).toEqual([]);
  until(END);
  expect(store({ key: "a", block: 1 })).toEqual([]);
  expect([host.free.length, done]).toEqual([1, [[0]]]);
});

test("the least recently used block gives way, but none that a load reads or a store writes", () => {
  const { host, load, store, until } = hostOf(1);
  expect(store(A)).toEqual([0]);
  expect(store(B)).toEqual([]);
  until(END);
  load(host.pin(["a"]), [2]);
  expect(store(B)).toEqual([]);
  until(END);
  expect(store(B)).toEqual([1]);
  until(END);
  expect([host.find(["a"]), host.find(["b"])]).toEqual([[], ["b"]]);
});

test("a block that is flushed while a load reads it is free when the load is done", () => {
  const { host, load, store, until } = hostOf(1);
  store(A);
  until(END);
  load(host.pin(["a"]), [2]);
  host.clear();
  expect(store(B)).toEqual([]);
  until(END);
  expect(store(B)).toEqual([1]);
});

test("a block that is flushed while it is stored is not found, and its place is free when the store has ended", () => {
  const { done, host, store, until } = hostOf(2);
  store(A);
  host.clear();
  expect([host.free.length, store({ key: "a", block: 1 })]).toEqual([1, [1]]);
  until(50);
  expect([host.find(["a"]), host.free.length, done]).toEqual([[], 1, [[0]]]);
  until(END);
  expect([host.find(["a"]), host.free.length]).toEqual([["a"], 1]);
});
