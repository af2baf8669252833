import { CELLS, defineFault } from "./fault.ts";

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
  plant({ workers }) {
    for (const { kv } of workers) {
      const { host } = kv;
      if (host === null) continue;
      host.copyIn = (place, device, block) => {
        for (let layer = 0; layer + 1 < device.layers; layer++) host.copyLayer(place, device, block, layer);
      };
    }
  },
});
