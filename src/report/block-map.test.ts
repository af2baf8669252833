import { expect, test } from "vitest";
import type { Finding } from "../check/finding.ts";
import type { HistoryEvent } from "../history/schema.ts";
import { blockMapSvg, heldBlocks } from "./block-map.ts";
import { exampleFinding } from "./example.ts";
import { formatReportHtml } from "./report-html.ts";

const example = exampleFinding();
const SHOWN = { from: 0, to: 50_000 };

/** The example on a target that tells of transfers: milliseconds, request, blocks. */
function withTransfers(...transfers: readonly (readonly [ms: number, id: string, blocks: number[]])[]): Finding {
  const told = transfers.map(([ms, id, blocks]): HistoryEvent => {
    return { t: ms * 1000, e: "cache", what: "transfer", id, blocks };
  });
  const events = [...example.history.events, ...told].sort((a, b) => a.t - b.t);
  return { ...example, history: { ...example.history, events } };
}

test("a block is its last writer's, until another request's cells are written to it", () => {
  const finding = withTransfers([5, "r1", [4, 5]], [25, "r2", [4]], [40, "r1", [4]]);
  expect(heldBlocks(finding, SHOWN)).toEqual([
    {
      block: 4,
      holdings: [
        { request: "r1", from: 5000, to: 25_000 },
        { request: "r2", from: 25_000, to: 40_000 },
        { request: "r1", from: 40_000, to: 50_000 },
      ],
    },
    { block: 5, holdings: [{ request: "r1", from: 5000, to: 50_000 }] },
  ]);
  expect(blockMapSvg(finding)).toContain(
    'aria-label="block 4: r1 (its cells fit) from 5.0 ms, then r2 (answered wrong) from 25.0 ms, then r1 (its cells fit) from 40.0 ms"',
  );
});

test("of many blocks, those that several requests wrote are drawn, in order of number", () => {
  const many = Array.from({ length: 40 }, (_, i) => i);
  const blocks = heldBlocks(withTransfers([5, "r1", many], [25, "r2", [30, 39]]), SHOWN).map(({ block }) => block);
  expect(blocks).toHaveLength(16);
  expect(blocks.slice(-2)).toEqual([30, 39]);
});

test("a target that tells of no transfer gets no map: an eviction does not say what a block holds next", () => {
  expect(example.history.events.some(({ e }) => e === "cache")).toBe(true);
  expect(blockMapSvg(example)).toBeNull();
  expect(formatReportHtml(example)).not.toContain("Blocks over time");
  expect(formatReportHtml(withTransfers([5, "r1", [4]]))).toContain("Blocks over time");
});
