import { expect, test } from "vitest";
import { VirtualClock } from "./clock.ts";
import { type LabConfig, labConfig } from "./config.ts";
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
