import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const rowSwapOnRemoval = defineFault({
  name: "row-swap-on-removal",
  mistake: "When the last row moves into a removed row's place, its block table follows one step late.",
  class: "C7",
  resembles: {
    title: "vLLM: row state copied, not moved, on a row swap",
    url: "https://github.com/vllm-project/vllm/pull/51890",
  },
  trigger: "a row removed from the middle while others run",
  symptom: "for one step the moved request computes over the removed one's cells",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const worker of workers) {
      const late = new Set<Sequence>();
      const { rows } = worker;
      instead(rows, "moveTable", () => (from, to) => {
        late.add(rows.sequences[to]!);
        rows.filled[to] = rows.filled[from]!;
      });
      instead(worker, "endStep", (endStep) => (batch) => {
        for (const sequence of late) {
          const row = rows.rowOf(sequence);
          if (row !== -1) rows.filled[row] = 0;
        }
        late.clear();
        endStep(batch);
      });
    }
  },
});
