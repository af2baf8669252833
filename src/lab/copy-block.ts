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
  for (let i = 0; i < blockSize; i++) to.copy(layer, block * blockSize + i, from, fromBlock * blockSize + i);
}
