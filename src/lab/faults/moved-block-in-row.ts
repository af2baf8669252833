import { CELLS, defineFault, instead } from "./fault.ts";

export const movedBlockInRow = defineFault({
  name: "moved-block-in-row",
  mistake: "The block tables of running rows keep the old places of blocks that compaction has moved.",
  class: "C11",
  resembles: {
    title: "SGLang: requests' tables have page numbers from before a compaction, which are used as places",
    url: "https://github.com/sgl-project/sglang/pull/31471",
  },
  trigger: "a running request whose block is moved, and another one that takes the place that it left",
  symptom: "both requests compute in one block, and each reads the other's cells",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { movesPerStep: 4 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { rows } of workers) instead(rows, "renumber", () => () => {});
  },
});
