import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkTree } from "./invariants.ts";
import type { Prefix } from "./prefix-index.ts";
import { RadixTree } from "./radix-tree.ts";

/** Whole pages of a prompt; keys are the tokens up to each page's end. */
function prefix(tokens: readonly number[], pageSize: number, root = ""): Prefix {
  const count = Math.floor(tokens.length / pageSize);
  const keys = Array.from({ length: count }, (_, i) => tokens.slice(0, (i + 1) * pageSize).join(" "));
  return { root, keys, tokens: tokens.slice(0, count * pageSize) };
}

const [first, second, newcomer, reader] = [{}, {}, {}, {}] as const;
const NOBODY: ReadonlySet<number> = new Set();
/** Blocks of all nodes, one text a node. */
const shape = (tree: RadixTree) =>
  tree.nodes().map(({ pages, lockRef }) => `${pages.map(({ block }) => block).join(" ")} (${lockRef})`);
const evicted = (tree: RadixTree) => tree.evict(NOBODY).map(({ block }) => block);

describe("a tree with single cells", () => {
  const of = (tokens: readonly number[], root?: string) => prefix(tokens, 1, root);

  test("is split where a prompt leaves a node, and both halves are locked as the node was", () => {
    const tree = new RadixTree(1);
    tree.publish(of([1, 2, 3, 4]), [11, 12, 13, 14], 0);
    tree.lock(first, [11, 12, 13, 14]);
    expect(shape(tree)).toEqual(["11 12 13 14 (1)"]);
    expect(tree.find(of([1, 2, 9]))).toEqual([11, 12]);
    expect(shape(tree)).toEqual(["11 12 (1)", "13 14 (1)"]);
    tree.lock(second, [11, 12]);
    expect(shape(tree)).toEqual(["11 12 (2)", "13 14 (1)"]);
    tree.unlock(first);
    expect(shape(tree)).toEqual(["11 12 (1)", "13 14 (0)"]);
    checkTree(tree);
  });

  test("leaves a newcomer's blocks out as far as the same tokens are there", () => {
    const tree = new RadixTree(1);
    tree.publish(of([1, 2, 3]), [11, 12, 13], 0);
    tree.publish(of([1, 2, 4]), [21, 22, 23], 0);
    expect(shape(tree)).toEqual(["11 12 (0)", "13 (0)", "23 (0)"]);
    expect([11, 21, 22, 23].map((block) => tree.holds(block))).toEqual([true, false, false, true]);
    expect(tree.find(of([1, 2, 4]))).toEqual([11, 12, 23]);
    tree.lock(newcomer, [21, 22, 23]);
    expect(shape(tree)).toEqual(["11 12 (1)", "13 (0)", "23 (1)"]);
  });

  test("evicts whole leaves that nobody locks, least recently used first, and what is above them when they are gone", () => {
    const tree = new RadixTree(1);
    tree.publish(of([1, 2, 3, 4]), [11, 12, 13, 14], 0);
    tree.publish(of([1, 2, 5, 6]), [11, 12, 25, 26], 0);
    tree.publish(of([7, 8]), [37, 38], 0);
    tree.lock(reader, [37, 38]);
    tree.find(of([1, 2, 3, 4]));
    expect([...tree.evictable(NOBODY)]).toEqual([13, 14, 25, 26, 11, 12]);
    expect(evicted(tree)).toEqual([26, 25]);
    expect(evicted(tree)).toEqual([14, 13]);
    expect(evicted(tree)).toEqual([12, 11]);
    expect(evicted(tree)).toEqual([]);
    tree.unlock(reader);
    expect(tree.evict(NOBODY)).toEqual([
      expect.objectContaining({ block: 38, key: "7 8" }),
      expect.objectContaining({ block: 37, key: "7" }),
    ]);
    expect(tree.size).toBe(0);
  });

  test("evicts nothing above a locked node", () => {
    const tree = new RadixTree(1);
    tree.publish(of([1, 2]), [11, 12], 0);
    tree.publish(of([1, 2, 3]), [11, 12, 13], 0);
    tree.publish(of([1, 2, 4]), [11, 12, 14], 0);
    tree.lock(reader, [11, 12, 14]);
    expect([...tree.evictable(NOBODY)]).toEqual([13]);
    expect(evicted(tree)).toEqual([13]);
    expect(evicted(tree)).toEqual([]);
  });

  test("shares nothing between two roots", () => {
    const tree = new RadixTree(1);
    tree.publish(of([1, 2], "a1"), [11, 12], 0);
    expect(tree.find(of([1, 2]))).toEqual([]);
    expect(tree.find(of([1, 2], "a1"))).toEqual([11, 12]);
  });

  test("gives blocks that a flush has forgotten away first, takes none of them back, and counts no lock of before", () => {
    const tree = new RadixTree(1);
    tree.publish(of([1, 2]), [11, 12], 0);
    tree.lock(reader, [11, 12]);
    tree.clear();
    tree.unlock(reader);
    tree.publish(of([3]), [13], 0);
    tree.publish(of([1, 2, 4]), [11, 12, 14], 2);
    expect(tree.find(of([1, 2, 4]))).toEqual([]);
    const unheld = new Set([12, 13]);
    expect([...tree.evictable(unheld)]).toEqual([12, 13]);
    expect(tree.evict(unheld)).toEqual([{ block: 12, key: null }]);
    checkTree(tree);
  });
});

test("pages are matched and split whole", () => {
  const tree = new RadixTree(4);
  tree.publish(prefix([1, 2, 3, 4, 5, 6, 7, 8], 4), [11, 12], 0);
  expect(tree.find(prefix([1, 2, 3, 4, 5, 6, 7, 9], 4))).toEqual([11]);
  expect(tree.find(prefix([1, 2, 3, 9, 5, 6, 7, 8], 4))).toEqual([]);
  expect(shape(tree)).toEqual(["11 (0)", "12 (0)"]);
});

describe("a tree checks itself", () => {
  const locked = () => {
    const tree = new RadixTree(1);
    tree.publish(prefix([1, 2, 3], 1), [11, 12, 13], 0);
    tree.lock(reader, [11, 12, 13]);
    tree.find(prefix([1], 1));
    return tree;
  };

  test("a node above a locked one that is not locked", () => {
    const tree = locked();
    expect([...checkTree(tree)]).toEqual([11, 12, 13]);
    tree.nodes()[0]!.lockRef = 0;
    expect(() => checkTree(tree)).toThrow("counts 0 locks and has 1");
  });

  test("a block in two nodes", () => {
    const tree = locked();
    tree.publish(prefix([4], 1), [12], 0);
    expect(() => checkTree(tree)).toThrow("block 12 is in the tree twice");
  });
});

describe("held to a list of all that was published", () => {
  /** Pages that differ in their last token only, three of them, and what is missing of the last one. */
  const prompt = fc.record({ pages: fc.array(fc.nat(2), { maxLength: 8 }), short: fc.nat(15) });
  const tokensOf = ({ pages, short }: { pages: readonly number[]; short: number }, pageSize: number) => {
    const tokens = pages.flatMap((last) => [...new Array<number>(pageSize - 1).fill(7), last]);
    return tokens.slice(0, Math.max(0, tokens.length - (short % pageSize)));
  };
  const root = fc.constantFrom("", "salt");
  const step = fc.record({
    what: fc.constantFrom("publish", "find", "evict", "lock", "unlock"),
    prompt,
    root,
    holder: fc.nat(3),
  });

  test.each([1, 2, 4, 16])(
    "a tree with pages of %i finds the longest prefix of whole pages that was not evicted",
    (pageSize) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const tree = new RadixTree(pageSize);
          const holders = [{}, {}, {}, {}];
          const held = new Map<object, readonly number[]>();
          /** Block of each page that is cached, by root and all tokens to its end. */
          const cached = new Map<string, number>();
          const naive = ({ root, keys }: Prefix) => {
            const missing = keys.findIndex((key) => !cached.has(`${root}:${key}`));
            return keys.slice(0, missing === -1 ? keys.length : missing).map((key) => cached.get(`${root}:${key}`)!);
          };
          let blocks = 0;
          for (const { what, prompt, root, holder } of steps) {
            const asked = prefix(tokensOf(prompt, pageSize), pageSize, root);
            if (what === "publish") {
              const own = asked.keys.map(() => ++blocks);
              tree.publish(asked, own, 0);
              for (const [i, key] of asked.keys.entries())
                if (!cached.has(`${root}:${key}`)) cached.set(`${root}:${key}`, own[i]!);
            } else if (what === "find") {
              expect(tree.find(asked)).toEqual(naive(asked));
            } else if (what === "lock") {
              const found = tree.find(asked);
              tree.lock(holders[holder]!, found);
              held.set(holders[holder]!, found);
            } else if (what === "unlock") {
              tree.unlock(holders[holder]!);
              held.delete(holders[holder]!);
            } else {
              const gone = new Set(tree.evict(NOBODY).map(({ block }) => block));
              expect([...held.values()].flat().filter((block) => gone.has(block))).toEqual([]);
              for (const [key, block] of cached) if (gone.has(block)) cached.delete(key);
            }
            checkTree(tree);
            expect(tree.size).toBe(cached.size);
          }
        }),
      );
    },
  );
});
