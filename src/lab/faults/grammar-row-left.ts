import { defineFault, instead } from "./fault.ts";

export const grammarRowLeft = defineFault({
  name: "grammar-row-left",
  mistake:
    "Bitmasks of grammars are kept from step to step, and a row without a grammar does not clear the one that it finds.",
  class: "C7",
  resembles: {
    title: "SGLang: stale bitmasks of grammars hold plain requests in the same slot of the batch",
    url: "https://github.com/sgl-project/sglang/pull/23653",
  },
  trigger: "a request with a grammar, and later one without in the same row",
  symptom: "the later one is held to what the earlier one's grammar allowed last",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: [],
  plant({ workers }) {
    for (const { rows } of workers)
      instead(rows, "setBitmask", (setBitmask) => (row, bitmask) => {
        if (bitmask !== null) setBitmask(row, bitmask);
      });
  },
});
