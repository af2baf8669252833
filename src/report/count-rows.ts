/** The numbers that a verdict rests on, a row each. */

import type { Coverage } from "../check/coverage.ts";

export function countRows(c: Coverage): string[][] {
  const rows: readonly (readonly [string, number])[] = [
    ["requests", c.requests],
    ["requests that finished", c.finished],
    ["cancels that landed", c.cancels],
    ["generated tokens", c.tokens],
    ["prefix hit tokens", c.prefixHitTokens],
    ["evictions", c.evictions],
    ["preemptions", c.preemptions],
    ["loads", c.loads],
    ["transfers", c.transfers],
    ["cells held", c.cells.held],
    ["cells read", c.cells.read],
    ["cells read after a risky event", c.cells.readAfterRisk],
    ["reads of cells", c.cellReads],
  ];
  return rows.map(([name, value]) => [name, String(value)]);
}
