import { expect, test } from "vitest";
import { BlockPool } from "./block-pool.ts";
import { blockKey, PrefixCache } from "./prefix-cache.ts";
import { RadixTree } from "./radix-tree.ts";

function poolOf(count: number) {
  const cache = new PrefixCache();
  return { cache, pool: new BlockPool(count, cache) };
}

test("a pool gives what it has, or nothing", () => {
  const { pool } = poolOf(3);
  expect(pool.allocate(4)).toBeNull();
  expect(pool.allocate(2)).toEqual([1, 2]);
  expect(pool.allocate(2)).toBeNull();
  expect(pool.free).toBe(1);
});

test("a block is free when its last holder lets go, and no holder may let go twice", () => {
  const { pool } = poolOf(1);
  const blocks = pool.allocate(1)!;
  pool.hold(blocks);
  pool.release(blocks);
  expect(pool.free).toBe(0);
  pool.release(blocks);
  expect(pool.free).toBe(1);
  expect(() => pool.release(blocks)).toThrow("freed twice");
});

test("blank blocks are used first, the tail of the last freed before its head", () => {
  const { pool } = poolOf(5);
  const blocks = pool.allocate(3)!;
  pool.release(blocks);
  expect(pool.allocate(4)).toEqual([3, 2, 1, 4]);
});

test("cached blocks are evicted least recently used first, tails before heads", () => {
  const { cache, pool } = poolOf(4);
  const old = pool.allocate(2)!;
  const recent = pool.allocate(2)!;
  cache.publish({ keys: ["key 0", "key 1", "key 2", "key 3"] }, [...old, ...recent]);
  pool.release(old);
  pool.release(recent);
  pool.hold(old);
  pool.release(old);
  expect([pool.has(4), pool.allocate(1)]).toEqual([true, null]);
  expect(pool.evict(3).map(({ key }) => key)).toEqual(["key 3", "key 2", "key 1"]);
  expect(pool.allocate(3)).toEqual([recent[1], recent[0], old[1]]);
  expect(cache.find({ keys: ["key 0", "key 1"] })).toEqual(old.slice(0, 1));
});

test("a tree's leaf is evicted whole, and none that a request locks", () => {
  const tree = new RadixTree(1);
  const pool = new BlockPool(5, tree);
  const [read, idle] = [pool.allocate(2)!, pool.allocate(3)!];
  tree.publish({ root: "", tokens: [1, 2], keys: ["1", "1 2"] }, read, 0);
  tree.publish({ root: "", tokens: [3, 4, 5], keys: ["3", "3 4", "3 4 5"] }, idle, 0);
  tree.lock({}, read);
  pool.release(idle);
  expect([pool.free, pool.has(4)]).toEqual([3, false]);
  expect(pool.evict(1).map(({ key }) => key)).toEqual(["3 4 5", "3 4", "3"]);
  expect(pool.allocate(1)).toEqual(idle.slice(0, 1));
  expect([pool.free, tree.size]).toEqual([2, 2]);
});

test("a key stands for its tokens and for all before them", () => {
  const first = blockKey("", [1, 2]);
  expect(blockKey("", [1, 2])).toBe(first);
  expect(blockKey("", [2, 1])).not.toBe(first);
  expect(blockKey(first, [3, 4])).not.toBe(blockKey(blockKey("", [1, 3]), [3, 4]));
});

test("a key keeps its first block, a block its first key", () => {
  const cache = new PrefixCache();
  cache.publish({ keys: ["a"] }, [1]);
  cache.publish({ keys: ["a"] }, [2]);
  cache.publish({ keys: ["b"] }, [1]);
  expect(cache.find({ keys: ["a"] })).toEqual([1]);
  expect(cache.holds(2)).toBe(false);
  expect(cache.find({ keys: ["b"] })).toEqual([]);
  expect(cache.evict(new Set([1, 2]))).toEqual([{ block: 1, key: "a" }]);
  expect(cache.size).toBe(0);
});
