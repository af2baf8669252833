import { expect, test } from "vitest";
import { CellStore, NOTHING } from "../tracer/cells.ts";
import { DEFAULT_SHAPE, SIGHTINGS } from "../tracer/shape.ts";
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

test("a stored block comes back layer by layer", () => {
  const cells = device();
  const host = new HostTier(new CellStore(DEFAULT_SHAPE, 2 * SIZE), 2, SIZE);
  const clock = new VirtualClock();
  host.store("a", cells, 0);
  host.store("b", cells, 1);
  expect(host.find(["a", "b", "c"])).toEqual(["a", "b"]);
  const load = host.load(clock, host.pin(["a", "b"]), cells, [2, 3], 10, () => {});
  expect(load.readyAt).toEqual([20, 40, 60, 80, 100]);
  while (clock.now < 30) clock.step();
  expect(tokenAt(cells, 0, 3 * SIZE)).toBe(500 + SIZE);
  expect(tokenAt(cells, 1, 2 * SIZE)).toBe(500);
  expect(tokenAt(cells, 1, 3 * SIZE)).toBe(NOTHING);
  while (clock.nextAt !== null) clock.step();
  expect(tokenAt(cells, 3, 3 * SIZE + 1)).toBe(500 + SIZE + 1);
});

test("loads share one link: the second begins when the first is done", () => {
  const host = new HostTier(new CellStore(DEFAULT_SHAPE, 1 * SIZE), 1, SIZE);
  const cells = device();
  host.store("a", cells, 0);
  const clock = new VirtualClock();
  host.load(clock, host.pin(["a"]), cells, [2], 10, () => {});
  expect(host.load(clock, host.pin(["a"]), cells, [3], 10, () => {}).readyAt[0]).toBe(60);
});

test("the least recently used block gives way, but none that a load reads", () => {
  const host = new HostTier(new CellStore(DEFAULT_SHAPE, 1 * SIZE), 1, SIZE);
  const cells = device();
  expect(host.store("a", cells, 0)).toBe(true);
  expect(host.store("a", cells, 0)).toBe(false);
  const places = host.pin(["a"]);
  expect(host.store("b", cells, 1)).toBe(false);
  host.unpin(places);
  expect(host.store("b", cells, 1)).toBe(true);
  expect(host.find(["a"])).toEqual([]);
});

test("a block that is flushed while a load reads it is free when the load is done", () => {
  const host = new HostTier(new CellStore(DEFAULT_SHAPE, 1 * SIZE), 1, SIZE);
  const cells = device();
  host.store("a", cells, 0);
  const places = host.pin(["a"]);
  host.clear();
  expect(host.store("b", cells, 1)).toBe(false);
  host.unpin(places);
  expect(host.store("b", cells, 1)).toBe(true);
});
