import { CELLS, defineFault } from "./fault.ts";

/** One layer of one block, in virtual microseconds. */
const STORE_MICROS = 100;

export const storeNotHeld = defineFault({
  name: "store-not-held",
  mistake: "An evicted block is stored to the host later, layer by layer, and its block is given away meanwhile.",
  class: "C3",
  resembles: {
    title: "vLLM: preemption frees blocks while an asynchronous store reads them",
    url: "https://github.com/vllm-project/vllm/issues/52360",
  },
  trigger: "many blocks evicted at once, and their prefix asked for again",
  symptom: "every later load of that prefix brings another prompt's cells",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant({ clock, workers }) {
    let free = 0;
    for (const { kv } of workers) {
      const { host } = kv;
      if (host === null) continue;
      host.copyIn = (place, device, block) => {
        free = Math.max(free, clock.now);
        for (let layer = 0; layer < device.layers; layer++) {
          free += STORE_MICROS;
          clock.at(free, "copy", () => host.copyLayer(place, device, block, layer));
        }
      };
    }
  },
});
