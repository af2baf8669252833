import { expect, test } from "vitest";
import { BlockPool } from "./block-pool.ts";
import { blockKey, PrefixCache } from "./prefix-cache.ts";

function poolOf(count: number) {
  const cache = new PrefixCache();
  return { cache, pool: new BlockPool(count, cache) };
}

test("a pool gives what it has, or nothing", () => {
  const { pool } = poolOf(3);
  expect(pool.allocate(4)).toBeNull();
  expect(pool.allocate(2)?.blocks).toEqual([1, 2]);
  expect(pool.allocate(2)).toBeNull();
  expect(pool.free).toBe(1);
});

test("a block is free when its last holder lets go, and no holder may let go twice", () => {
  const { pool } = poolOf(1);
  const { blocks } = pool.allocate(1)!;
  pool.hold(blocks);
  pool.release(blocks);
  expect(pool.free).toBe(0);
  pool.release(blocks);
  expect(pool.free).toBe(1);
  expect(() => pool.release(blocks)).toThrow("freed twice");
});

test("blank blocks are used first, the tail of the last freed before its head", () => {
  const { pool } = poolOf(5);
  const { blocks } = pool.allocate(3)!;
  pool.release(blocks);
  expect(pool.allocate(4)?.blocks).toEqual([3, 2, 1, 4]);
});

test("cached blocks are evicted least recently used first, tails before heads", () => {
  const { cache, pool } = poolOf(4);
  const old = pool.allocate(2)!.blocks;
  const recent = pool.allocate(2)!.blocks;
  for (const [i, block] of [...old, ...recent].entries()) cache.publish(`key ${i}`, block);
  pool.release(old);
  pool.release(recent);
  pool.hold(old);
  pool.release(old);
  expect(pool.allocate(3)?.evicted.map(({ key }) => key)).toEqual(["key 3", "key 2", "key 1"]);
  expect(cache.find(["key 0", "key 1"])).toEqual(old.slice(0, 1));
});

test("a key stands for its tokens and for all before them", () => {
  const first = blockKey("", [1, 2]);
  expect(blockKey("", [1, 2])).toBe(first);
  expect(blockKey("", [2, 1])).not.toBe(first);
  expect(blockKey(first, [3, 4])).not.toBe(blockKey(blockKey("", [1, 3]), [3, 4]));
});

test("a key keeps its first block, a block its first key", () => {
  const cache = new PrefixCache();
  cache.publish("a", 1);
  cache.publish("a", 2);
  cache.publish("b", 1);
  expect(cache.find(["a"])).toEqual([1]);
  expect(cache.holds(2)).toBe(false);
  expect(cache.find(["b"])).toEqual([]);
  expect(cache.drop(1)).toBe("a");
  expect(cache.size).toBe(0);
});
