/**
 * The prefix cache as a radix tree over pages of tokens, as SGLang's `RadixCache`. Prompts that begin alike share the
 * nodes of what they have in common; a node is split at a page where they part. Whoever uses a prefix counts as a lock on
 * each node from there to the root. What is evicted is a whole leaf that nobody locks, the least recently used first.
 */

import type { GivenAway, Prefix, PrefixIndex } from "./prefix-index.ts";

/** A page of tokens, with the block that holds its cells. */
export interface CachedPage {
  readonly tokens: readonly number[];
  readonly block: number;
  readonly key: string;
}

/** A run of pages that follow each other. A root has none. */
export class RadixNode {
  parent: RadixNode | null = null;
  /** By their first page. */
  readonly children = new Map<string, RadixNode>();
  pages: readonly CachedPage[];
  /** Holders whose path to the root begins or goes through here. */
  lockRef = 0;
  /** Number of the lookup that came through here last. */
  lastAccess: number;

  constructor(pages: readonly CachedPage[], lastAccess: number) {
    this.pages = pages;
    this.lastAccess = lastAccess;
  }

  get locked(): boolean {
    return this.lockRef > 0;
  }

  adopt(child: RadixNode): void {
    child.parent = this;
    this.children.set(nameOf(child.pages[0]!.tokens), child);
  }
}

export class RadixTree implements PrefixIndex {
  readonly #pageSize: number;
  /** By adapter and salt, SGLang's `extra_key`. */
  readonly #roots = new Map<string, RadixNode>();
  readonly #nodeOf = new Map<number, RadixNode>();
  /** The node that each holder's path to the root begins at. */
  readonly locks = new Map<object, RadixNode>();
  #lookups = 0;

  /** @param pageSize tokens in a page: cells in a block */
  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  find(prefix: Prefix): number[] {
    return this.match(prefix.root, this.#pagesOf(prefix)).flatMap(({ pages }) => pages.map(({ block }) => block));
  }

  /**
   * Nodes are not made longer: what is new becomes a leaf behind the last node that matches. Where blocks that were offered
   * before are gone, after a flush, nothing is taken: other requests may hold them, and have no lock.
   */
  publish(prefix: Prefix, blocks: readonly number[], from: number): void {
    const { root, keys } = prefix;
    const pages = this.#pagesOf(prefix);
    const path = this.match(root, pages);
    const known = path.reduce((sum, node) => sum + node.pages.length, 0);
    if (known < from || known === pages.length) return;
    const fresh = pages.map((tokens, i) => ({ tokens, block: blocks[i]!, key: keys[i]! })).slice(known);
    const leaf = new RadixNode(fresh, this.#lookups);
    (path.at(-1) ?? this.#root(root)).adopt(leaf);
    this.#index(leaf);
  }

  /** The nodes that are a prefix of these pages. One that goes on otherwise is split first. */
  match(root: string, pages: readonly (readonly number[])[]): RadixNode[] {
    const lookup = ++this.#lookups;
    const path: RadixNode[] = [];
    let node = this.#root(root);
    for (let matched = 0; matched < pages.length; matched += node.pages.length) {
      const child = node.children.get(nameOf(pages[matched]!));
      if (child === undefined) break;
      child.lastAccess = lookup;
      const common = commonPages(child.pages, pages.slice(matched));
      node = common < child.pages.length ? this.split(child, common) : child;
      path.push(node);
    }
    return path;
  }

  /**
   * Cuts a node in two before its page number `at`. The lower half stays the same node, so whoever began to lock there
   * goes on to; the upper half is new, and as many locks go through it.
   */
  split(lower: RadixNode, at: number): RadixNode {
    const upper = new RadixNode(lower.pages.slice(0, at), lower.lastAccess);
    upper.lockRef = lower.lockRef;
    lower.parent!.adopt(upper);
    lower.pages = lower.pages.slice(at);
    upper.adopt(lower);
    this.#index(upper);
    return upper;
  }

  lock(holder: object, blocks: readonly number[]): void {
    this.unlock(holder);
    const last = blocks.findLast((block) => this.#nodeOf.has(block));
    if (last === undefined) return;
    const node = this.#nodeOf.get(last)!;
    this.locks.set(holder, node);
    this.countLock(node, 1);
  }

  unlock(holder: object): void {
    const node = this.locks.get(holder);
    if (node === undefined) return;
    this.locks.delete(holder);
    this.countLock(node, -1);
  }

  /** Adds to the locks of a node and of all above it. */
  countLock(node: RadixNode, by: 1 | -1): void {
    for (let at: RadixNode | null = node; at !== null; at = at.parent) at.lockRef += by;
  }

  holds(block: number): boolean {
    return this.#nodeOf.has(block);
  }

  move(from: number, to: number): void {
    const node = this.#nodeOf.get(from);
    if (node === undefined) return;
    node.pages = node.pages.map((page) => (page.block === from ? { ...page, block: to } : page));
    this.#nodeOf.delete(from);
    this.#nodeOf.set(to, node);
  }

  /** Blocks of nodes that are not locked, and with them nothing below, and blocks that a flush has forgotten. */
  evictable(unheld: ReadonlySet<number>): ReadonlySet<number> {
    const blocks = new Set(this.#forgotten(unheld));
    const visit = (node: RadixNode): boolean => {
      const below = [...node.children.values()].map(visit);
      const free = !node.locked && below.every((each) => each);
      if (free) for (const { block } of node.pages) blocks.add(block);
      return free;
    };
    for (const root of this.#roots.values()) visit(root);
    return blocks;
  }

  /** A whole leaf, its last page first. */
  evict(unheld: ReadonlySet<number>): readonly GivenAway[] {
    const [forgotten] = this.#forgotten(unheld);
    if (forgotten !== undefined) return [{ block: forgotten, key: null }];
    const [first, ...others] = this.evictableLeaves();
    if (first === undefined) return [];
    const leaf = others.reduce((oldest, node) => (node.lastAccess < oldest.lastAccess ? node : oldest), first);
    leaf.parent!.children.delete(nameOf(leaf.pages[0]!.tokens));
    for (const { block } of leaf.pages) this.#nodeOf.delete(block);
    return leaf.pages.toReversed();
  }

  evictableLeaves(): RadixNode[] {
    return this.nodes().filter((node) => node.children.size === 0 && !node.locked);
  }

  /** All nodes but the roots, those above before those below. */
  nodes(): RadixNode[] {
    const below = (node: RadixNode): RadixNode[] =>
      [...node.children.values()].flatMap((child) => [child, ...below(child)]);
    return [...this.#roots.values()].flatMap(below);
  }

  get size(): number {
    return this.#nodeOf.size;
  }

  /** Whoever holds a lock holds it on a tree that is no more. */
  clear(): void {
    this.#roots.clear();
    this.#nodeOf.clear();
    this.locks.clear();
  }

  #root(name: string): RadixNode {
    const known = this.#roots.get(name);
    if (known !== undefined) return known;
    const root = new RadixNode([], 0);
    this.#roots.set(name, root);
    return root;
  }

  #index(node: RadixNode): void {
    for (const { block } of node.pages) this.#nodeOf.set(block, node);
  }

  #forgotten(unheld: ReadonlySet<number>): number[] {
    return [...unheld].filter((block) => !this.#nodeOf.has(block));
  }

  #pagesOf({ tokens, keys }: Prefix): (readonly number[])[] {
    return keys.map((_, i) => tokens.slice(i * this.#pageSize, (i + 1) * this.#pageSize));
  }
}

const nameOf = (tokens: readonly number[]): string => tokens.join(" ");

/** How many pages two runs have in common from the first on. */
function commonPages(cached: readonly CachedPage[], pages: readonly (readonly number[])[]): number {
  const parted = cached.findIndex(({ tokens }, i) => {
    const page = pages[i];
    return page === undefined || tokens.some((token, at) => token !== page[at]);
  });
  return parted === -1 ? cached.length : parted;
}
