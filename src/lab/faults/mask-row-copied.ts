import { defineFault } from "./fault.ts";

export const maskRowCopied = defineFault({
  name: "mask-row-copied",
  mistake: "When the last row moves into a removed row's place, its mask of allowed tokens is copied, not moved.",
  class: "C7",
  resembles: {
    title: "vLLM: row state copied, not moved, on a row swap",
    url: "https://github.com/vllm-project/vllm/pull/51890",
  },
  trigger: "a request with allowed tokens moves to another row, and one without comes into the row that it left",
  symptom: "the newcomer is held to its neighbour's allowed tokens",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: ["serialised"],
  plant({ workers }) {
    for (const { rows } of workers)
      rows.moveMask = (from, to) => {
        rows.masks[to] = rows.masks[from] ?? null;
      };
  },
});
