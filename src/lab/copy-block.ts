import type { CellStore } from "../tracer/cells.ts";

/** Copies one layer of a whole block from one store to another: what loads, stores and transfers do. */
export function copyBlock(
  to: CellStore,
  block: number,
  from: CellStore,
  fromBlock: number,
  layer: number,
  blockSize: number,
): void {
  to.copyRange(layer, block * blockSize, from, fromBlock * blockSize, blockSize);
}

/** Copies blocks with all their layers, at once. */
export function copyBlocks(
  to: CellStore,
  blocks: readonly number[],
  from: CellStore,
  fromBlocks: readonly number[],
  blockSize: number,
): void {
  for (let layer = 0; layer < from.layers; layer++)
    for (const [i, block] of blocks.entries()) copyBlock(to, block, from, fromBlocks[i]!, layer, blockSize);
}
