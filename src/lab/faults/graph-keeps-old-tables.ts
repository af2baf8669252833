import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const graphKeepsOldTables = defineFault({
  name: "graph-keeps-old-tables",
  mistake:
    "A step whose batch has as many rows as the one before it uses that one's block tables, although the rows are others.",
  class: "C14",
  resembles: {
    title: "TensorRT-LLM: a captured graph points at a per-step buffer",
    url: "https://github.com/NVIDIA/TensorRT-LLM/pull/16290",
  },
  trigger: "one request leaves and another joins between two steps",
  symptom: "for one step the newcomer computes over blocks that are not its own",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { rows } of workers) {
      let before: readonly Sequence[] = [];
      instead(rows, "updateTables", (updateTables) => () => {
        const now = [...rows.sequences];
        const captured =
          now.length > 1 && now.length === before.length && now.some((sequence, row) => sequence !== before[row]);
        before = now;
        if (!captured) updateTables();
      });
    }
  },
});
