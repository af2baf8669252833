/** Checks of the lab by itself, for its tests: a clean lab keeps them, whatever the traffic. */

import { storedToken } from "../tracer/adapter.ts";
import { NOTHING } from "../tracer/cells.ts";
import { firstSeen, hasWindow } from "../tracer/shape.ts";
import { NULL_BLOCK } from "./block-pool.ts";
import type { HostTier } from "./host-tier.ts";
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
 * filled has two writers, or is read by a transfer or under a lease. What is in the host, or on its way there, has a place to
 * itself.
 */
export function checkBookkeeping(kv: KvCache, sequences: readonly Sequence[]): void {
  const holders = new Int32Array(kv.pool.count + 1);
  const count = (blocks: readonly number[]) => {
    for (const block of blocks) holders[block]!++;
  };
  for (const { held } of sequences) count(held);
  for (const blocks of [...kv.incoming, ...kv.outgoing]) count(blocks);
  for (const { blocks } of kv.sessions.turns.values()) count(blocks);
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
  const outgoing = new Set([...kv.outgoing].flat());
  for (const { id, blocks, windowBlocks, computed, promptLength } of sequences) {
    const begun = Math.floor(computed / kv.blockSize);
    for (const block of [...blocks.slice(begun), ...windowBlocks.slice(begun)]) {
      if (block === NULL_BLOCK) throw new InvariantBroken(`${id} has no block for cells that it is to write`);
      const other = writers.get(block);
      if (other !== undefined) throw new InvariantBroken(`block ${block} is written by ${other} and by ${id}`);
      // The token behind a prompt may come into the prompt's last block, where nobody reads it.
      if (computed < promptLength && outgoing.has(block))
        throw new InvariantBroken(`block ${block} is written by ${id} while it is read`);
      if (kv.prefixes.holds(block)) throw new InvariantBroken(`block ${block} is written by ${id} and is cached`);
      writers.set(block, id);
    }
  }
  if (kv.host !== null) checkHost(kv, kv.host, writers);
}

/**
 * A block that a store reads is held, not cached and written by nobody. A place in the host is free, or has one key, which
 * is found when it is wholly stored, or is being written by one store, or a flush has forgotten it while a load reads it.
 */
function checkHost({ pool, prefixes }: KvCache, host: HostTier, writers: ReadonlyMap<number, string>): void {
  const uses = new Map<number, string>();
  const use = (place: number, by: string) => {
    const other = uses.get(place);
    if (other !== undefined) throw new InvariantBroken(`place ${place} of the host is ${other} and ${by}`);
    uses.set(place, by);
  };
  for (const place of host.free) use(place, "free");
  for (const [key, place] of host.slotOf) use(place, `found as ${key}`);
  for (const { block, key, place } of host.storing) {
    use(place, `being written with block ${block}`);
    if (host.readers[place]! > 0) throw new InvariantBroken(`place ${place} of the host is read and being written`);
    if (key !== null && host.slotOf.has(key)) throw new InvariantBroken(`key ${key} is found while it is stored`);
    const writer = writers.get(block);
    if (writer !== undefined) throw new InvariantBroken(`block ${block} is being stored and written by ${writer}`);
    if (pool.references(block) === 0 || prefixes.holds(block))
      throw new InvariantBroken(`block ${block} is being stored and ${prefixes.holds(block) ? "cached" : "free"}`);
  }
  for (const [place, count] of host.readers.entries())
    if (count === 0 && !uses.has(place)) throw new InvariantBroken(`place ${place} of the host is lost`);
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

/**
 * Every cell that a layer is about to read was written for that token at that position, under the same adapter, and somebody
 * holds its block: nobody ever holds the null block. A layer with a window reads what its own table has, from the first cell
 * on that the first token sees.
 */
export function checkReads(
  kv: KvCache,
  reader: {
    readonly sequence: Sequence;
    readonly slots: ArrayLike<number>;
    readonly windowSlots: ArrayLike<number>;
  },
  layer: number,
): void {
  const { id, tokens, computed, adapter } = reader.sequence;
  const { planes, shape } = kv.cells;
  const slots = hasWindow(shape, layer) ? reader.windowSlots : reader.slots;
  for (const { keyPosition, valueToken } of planes[layer]!) {
    for (let position = firstSeen(shape, layer, computed); position < computed; position++) {
      const slot = slots[position]!;
      if (kv.pool.references(Math.floor(slot / kv.blockSize)) === 0)
        throw new InvariantBroken(`${id} reads position ${position} of layer ${layer} in a block that nobody holds`);
      if (keyPosition[slot] === position && valueToken[slot] === storedToken(adapter, tokens[position]!)) continue;
      const found =
        valueToken[slot] === NOTHING ? "an unwritten cell" : `token ${valueToken[slot]} of ${keyPosition[slot]}`;
      throw new InvariantBroken(`${id} reads position ${position} of layer ${layer} in slot ${slot}: ${found}`);
    }
  }
}
