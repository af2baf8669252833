import { CELLS, defineFault, instead } from "./fault.ts";

export const movedOverCached = defineFault({
  name: "moved-over-cached",
  mistake: "Compaction takes a block that nobody holds for a free place, although the prefix cache still has it.",
  class: "C11",
  resembles: {
    title: "llama.cpp: garbage as soon as the cache has been defragmented",
    url: "https://github.com/ggml-org/llama.cpp/issues/12253",
  },
  trigger: "a cached prefix that nobody uses for a while, near the pool's beginning",
  symptom: "the prefix is found, and holds the cells of a block that was moved there",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { movesPerStep: 4 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { compaction, kv } of workers) {
      if (compaction !== null) instead(compaction, "places", () => () => kv.pool.freeBlocks().sort((a, b) => a - b));
    }
  },
});
