import { CELLS, defineFault, instead } from "./fault.ts";

export const moveMissesPrefixCache = defineFault({
  name: "move-misses-prefix-cache",
  mistake: "The prefix cache is not told of a move: its entry still names the place that the block has left.",
  class: "C11",
  resembles: {
    title: "llama.cpp: the logic of shifted and defragmented cells is wrong",
    url: "https://github.com/ggml-org/llama.cpp/pull/14081",
  },
  trigger: "a cached block that is moved, other cells in its old place, and its prefix asked for again",
  symptom: "a cached prefix of another prompt's cells",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { movesPerStep: 4 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) instead(kv.prefixes, "move", () => () => {});
  },
});
