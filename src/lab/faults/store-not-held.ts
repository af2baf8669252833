import { CELLS, defineFault } from "./fault.ts";

export const storeNotHeld = defineFault({
  name: "store-not-held",
  mistake: "An evicted block is given away at once, while its store to the host still reads it.",
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
  plant({ workers }) {
    for (const { kv } of workers) {
      kv.holdStored = () => {};
      kv.releaseStored = () => {};
    }
  },
});
