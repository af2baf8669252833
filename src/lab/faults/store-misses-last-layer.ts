import { CELLS, cachesWithHost, defineFault, instead } from "./fault.ts";

export const storeMissesLastLayer = defineFault({
  name: "store-misses-last-layer",
  mistake: "A store to the host ends one layer early, and counts as complete.",
  class: "C3",
  resembles: {
    title: "LMCache: a failed store stays visible to lookup",
    url: "https://github.com/LMCache/LMCache/issues/4991",
  },
  trigger: "a prefix that was evicted to the host and is hit again",
  symptom: "the last layer's cells are those of the host block's former owner, or empty",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant(lab) {
    for (const { kv, host } of cachesWithHost(lab)) {
      instead(host.stores, "copyLayer", (copyLayer) => (route, i, layer) => {
        if (layer + 1 < kv.cells.layers) copyLayer(route, i, layer);
      });
    }
  },
});
