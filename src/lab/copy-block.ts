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
