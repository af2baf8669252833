import { expect, test } from "vitest";
import { CellStore } from "../tracer/cells.ts";
import { DEFAULT_SHAPE, SIGHTINGS } from "../tracer/shape.ts";
import { VirtualClock } from "./clock.ts";
import { labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { Sequence } from "./sequence.ts";
import { SwapSpace } from "./swap-space.ts";

const SIZE = 16;
const seen = new Float64Array(SIGHTINGS);

/** Writes token 500 + position into the first `length` cells of a sequence. */
function compute(cells: CellStore, sequence: Sequence, length: number): void {
  for (let layer = 0; layer < cells.layers; layer++)
    for (let position = 0; position < length; position++) {
      const token = 500 + position;
      const slot = sequence.blocks[Math.floor(position / SIZE)]! * SIZE + (position % SIZE);
      cells.write(layer, slot, {
        position,
        token,
        stored: token,
        seen,
        seenAt: 0,
        marks: null,
        lost: 0,
        question: null,
      });
    }
  sequence.computed = length;
}

const tokenAt = (cells: CellStore, layer: number, slot: number) => cells.planes[layer]![0]!.valueToken[slot];
const ofLength = (length: number) => new Sequence("r", new Array<number>(length).fill(600), length + 8, true);

test("a preempted sequence comes back with its cells, layer by layer, and holds its blocks until the last", () => {
  const config = labConfig({ swapBlocks: 4, costs: { load: 10 } });
  const clock = new VirtualClock();
  const kv = new KvCache(config, { blocks: 4, hostBlocks: 0, reuse: false }, clock, () => {});
  const sequence = ofLength(40);
  expect(kv.admit(sequence, 40)).toBe(true);
  compute(kv.cells, sequence, 20);
  kv.preempt(sequence);
  expect([sequence.computed, kv.pool.free]).toEqual([0, 4]);
  // Others write over what was given back.
  const other = ofLength(60);
  kv.admit(other, 60);
  kv.retire(other);
  expect(kv.admit(sequence, 8)).toBe(true);
  expect(sequence.computed).toBe(20);
  expect(sequence.load?.readyAt).toEqual([20, 40, 60, 80, 100]);
  const [first, second] = sequence.blocks as [number, number];
  expect(kv.pool.references(first)).toBe(2);
  while (clock.nextAt !== null) clock.step();
  expect([tokenAt(kv.cells, 0, first * SIZE), tokenAt(kv.cells, 4, second * SIZE + 3)]).toEqual([500, 519]);
  expect([kv.pool.references(first), kv.swap!.take(4)?.length]).toEqual([1, 4]);
});

test("a full swap space takes nothing, until a swapped request is forgotten", () => {
  const device = new CellStore(DEFAULT_SHAPE, 4 * SIZE);
  const swap = new SwapSpace(new CellStore(DEFAULT_SHAPE, 2 * SIZE), 2, SIZE);
  const [first, second] = [ofLength(40), ofLength(40)];
  for (const sequence of [first, second]) {
    sequence.blocks = [1, 2];
    sequence.computed = 20;
  }
  expect(swap.swapOut(first, device)?.computed).toBe(20);
  expect(swap.swapOut(second, device)).toBeNull();
  swap.forget(first);
  expect(swap.swapOut(second, device)?.places).toHaveLength(2);
});
