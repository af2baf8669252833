import { expect, test } from "vitest";
import { VirtualClock } from "./clock.ts";
import { type LabConfig, type LabOptions, labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { type ComputedAs, Sequence } from "./sequence.ts";

/** Tokens that a second request finds in the cache, of one block that a first one has left there. */
function cached(prefixIndex: LabConfig["prefixIndex"], first: ComputedAs, second: ComputedAs): number {
  const config = labConfig({ prefixIndex });
  const kv = new KvCache(config, { blocks: 8, hostBlocks: 0, reuse: true }, new VirtualClock(), () => {});
  const [before, after] = [first, second].map((as) => new Sequence("r", new Array<number>(20).fill(300), 24, true, as));
  kv.admit(before!, 20);
  before!.computed = 20;
  kv.retire(before!);
  kv.admit(after!, 20);
  return after!.computed;
}

test.each<[string, ComputedAs, ComputedAs, number]>([
  ["neither salt nor adapter", {}, {}, 16],
  ["the same salt", { salt: "s1" }, { salt: "s1" }, 16],
  ["another salt", { salt: "s1" }, { salt: "s2" }, 0],
  ["no salt any more", { salt: "s1" }, {}, 0],
  ["a salt that is called as the adapter was", { adapter: "a1" }, { salt: "a1" }, 0],
  ["the same adapter and a salt", { adapter: "a1" }, { adapter: "a1", salt: "s1" }, 0],
])("a prefix is shared or not: %s", (_, first, second, tokens) => {
  for (const prefixIndex of ["hash", "radix"] as const) expect(cached(prefixIndex, first, second)).toBe(tokens);
});

test("a radix tree has a prompt's pages while it runs, and an answer's when it ends", () => {
  const config = labConfig({ prefixIndex: "radix", blockSize: 4, contextTokens: 128 });
  const kv = new KvCache(config, { blocks: 8, hostBlocks: 0, reuse: true }, new VirtualClock(), () => {});
  const sequence = new Sequence("r", [1, 2, 3, 4, 5, 6, 7, 8], 16, true);
  kv.admit(sequence, 16);
  sequence.computed = 8;
  kv.publish(sequence);
  expect([kv.prefixes.size, kv.pool.free]).toEqual([2, 6]);
  sequence.tokens.push(9, 10, 11, 12);
  kv.grow(sequence, 12);
  sequence.computed = 12;
  kv.publish(sequence);
  expect(kv.prefixes.size).toBe(2);
  kv.retire(sequence);
  expect([kv.prefixes.size, kv.pool.free]).toEqual([3, 8]);
});

/** A pool of ten blocks of 16 cells, one of which a step fills, with a host behind it. The prompt that it has is known. */
function storingPool(more: LabOptions = {}) {
  const config = labConfig({ contextTokens: 128, stepTokens: 16, costs: { store: 10 }, ...more });
  const clock = new VirtualClock();
  const kv = new KvCache(config, { blocks: 10, hostBlocks: 8, reuse: true }, clock, () => {});
  const asking = (first: number, tokens: number) =>
    new Sequence("r", new Array<number>(tokens).fill(first), tokens + 16, true);
  const known = asking(300, 129);
  kv.admit(known, 129);
  known.computed = 128;
  kv.retire(known);
  return { asking, clock, known, kv };
}

test("blocks are evicted ahead of need, and free when they are stored", () => {
  const { asking, clock, known, kv } = storingPool();
  const first = asking(301, 40);
  // Two are blank, and one is to be so again.
  expect(kv.admit(first, 20)).toBe(true);
  expect([first.blocks.length, kv.storing, kv.pool.free]).toEqual([2, 1, 7]);
  // What is missing is on its way: nothing is taken, and another is evicted ahead.
  expect(kv.grow(first, 40)).toBe(false);
  const stored = [...kv.host!.storing].map(({ block }) => block);
  expect([first.blocks.length, stored.map((block) => kv.pool.references(block))]).toEqual([2, [1, 1]]);
  while (clock.nextAt !== null) clock.step();
  expect([kv.storing, kv.pool.free]).toEqual([0, 8]);
  expect(kv.host!.find(kv.keys(known, 8).slice(6))).toHaveLength(2);
  expect(kv.grow(first, 40)).toBe(true);
  expect(stored).toContain(first.blocks[2]);
});

test.each(["hash", "radix"] as const)(
  "a flush while blocks are stored leaves nothing to be found: %s",
  (prefixIndex) => {
    const { asking, clock, known, kv } = storingPool({ prefixIndex });
    kv.admit(asking(301, 20), 20);
    expect(kv.storing).toBeGreaterThan(0);
    kv.flush();
    while (clock.nextAt !== null) clock.step();
    expect([kv.storing, kv.pool.free, kv.host!.size]).toEqual([0, 8, 0]);
    expect([kv.admit(known, 129), known.computed]).toEqual([true, 0]);
    expect(kv.host!.free).toHaveLength(8);
  },
);
