import { CELLS, defineFault, instead } from "./fault.ts";

export const loadPartial = defineFault({
  name: "load-partial",
  mistake: "When a long prefix is loaded its last block is left out, and counts as loaded.",
  class: "C1",
  resembles: {
    title: "LMCache: a partial allocation failure returns objects that were not loaded as hits",
    url: "https://github.com/LMCache/LMCache/issues/3022",
  },
  trigger: "a prefix of which more than three blocks are loaded from the host",
  symptom: "the request reads what the block held before",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "load", (load) => (sequence, places, blocks) => {
        if (places.length <= 3) return load(sequence, places, blocks);
        kv.host!.unpin(places.slice(-1));
        return load(sequence, places.slice(0, -1), blocks.slice(0, -1));
      });
  },
});
