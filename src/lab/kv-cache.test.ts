import { expect, test } from "vitest";
import { VirtualClock } from "./clock.ts";
import { labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { type ComputedAs, Sequence } from "./sequence.ts";

/** Tokens that a second request finds in the cache, of one block that a first one has left there. */
function cached(first: ComputedAs, second: ComputedAs): number {
  const kv = new KvCache(labConfig(), { blocks: 8, hostBlocks: 0, reuse: true }, new VirtualClock(), () => {});
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
  expect(cached(first, second)).toBe(tokens);
});
