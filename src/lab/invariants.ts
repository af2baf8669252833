/** Checks of the lab by itself, for its tests: a clean lab keeps them, whatever the traffic. */

import { storedToken } from "../tracer/adapter.ts";
import { NOTHING } from "../tracer/cells.ts";
import type { KvCache } from "./kv-cache.ts";
import { type RadixNode, RadixTree } from "./radix-tree.ts";
import type { Sequence } from "./sequence.ts";

/** The lab's own bookkeeping broke: a bug of the lab, or what a planted fault does. */
export class InvariantBroken extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InvariantBroken";
  }
}

/**
 * Every block is free, locked in a radix tree or held, and has as many references as holders; no block that is still being
 * filled has two writers.
 */
export function checkBookkeeping(kv: KvCache, sequences: readonly Sequence[]): void {
  const holders = new Int32Array(kv.pool.count + 1);
  const count = (blocks: readonly number[]) => {
    for (const block of blocks) holders[block]!++;
  };
  for (const { blocks } of sequences) count(blocks);
  for (const blocks of [...kv.incoming, ...kv.outgoing]) count(blocks);
  const free = new Set(kv.pool.freeBlocks());
  if (free.size !== kv.pool.free) throw new InvariantBroken("a block is free twice");
  const locked = kv.prefixes instanceof RadixTree ? checkTree(kv.prefixes) : new Set<number>();
  for (let block = 1; block <= kv.pool.count; block++) {
    const references = kv.pool.references(block);
    if (references !== holders[block])
      throw new InvariantBroken(`block ${block} counts ${references} references and has ${holders[block]} holders`);
    if (free.has(block) !== (references === 0 && !locked.has(block)))
      throw new InvariantBroken(
        `block ${block} has ${references} references and is ${free.has(block) ? "" : "not "}free`,
      );
  }
  const writers = new Map<number, string>();
  for (const { id, blocks, computed } of sequences) {
    for (const block of blocks.slice(Math.floor(computed / kv.blockSize))) {
      const other = writers.get(block);
      if (other !== undefined) throw new InvariantBroken(`block ${block} is written by ${other} and by ${id}`);
      if (kv.prefixes.holds(block)) throw new InvariantBroken(`block ${block} is written by ${id} and is cached`);
      writers.set(block, id);
    }
  }
}

/**
 * Every node of a tree counts those that lock it or a node below it, so whatever is above a locked node is locked; no block
 * is in two nodes. Returns the blocks of locked nodes.
 */
export function checkTree(tree: RadixTree): ReadonlySet<number> {
  const locks = new Map<RadixNode, number>();
  for (const node of tree.locks.values())
    for (let at: RadixNode | null = node; at !== null; at = at.parent) locks.set(at, (locks.get(at) ?? 0) + 1);
  const seen = new Set<number>();
  const locked = new Set<number>();
  for (const node of tree.nodes()) {
    const { lockRef, pages } = node;
    const first = pages[0]!.block;
    if (lockRef !== (locks.get(node) ?? 0))
      throw new InvariantBroken(`the node of block ${first} counts ${lockRef} locks and has ${locks.get(node) ?? 0}`);
    for (const { block } of pages) {
      if (seen.has(block)) throw new InvariantBroken(`block ${block} is in the tree twice`);
      seen.add(block);
      if (node.locked) locked.add(block);
    }
  }
  return locked;
}

/** Every cell that a layer is about to read was written for that token at that position, under the same adapter. */
export function checkReads(
  kv: KvCache,
  reader: { readonly sequence: Sequence; readonly slots: ArrayLike<number> },
  layer: number,
): void {
  const { id, tokens, computed, adapter } = reader.sequence;
  for (const { keyPosition, valueToken } of kv.cells.planes[layer]!) {
    for (let position = 0; position < computed; position++) {
      const slot = reader.slots[position]!;
      if (keyPosition[slot] === position && valueToken[slot] === storedToken(adapter, tokens[position]!)) continue;
      const found =
        valueToken[slot] === NOTHING ? "an unwritten cell" : `token ${valueToken[slot]} of ${keyPosition[slot]}`;
      throw new InvariantBroken(`${id} reads position ${position} of layer ${layer} in slot ${slot}: ${found}`);
    }
  }
}
