import { CELLS, defineFault } from "./fault.ts";

export const hicacheReadBeforeReady = defineFault({
  name: "hicache-read-before-ready",
  mistake: "A layer is computed without waiting for that layer's load from the host tier.",
  class: "C1",
  resembles: {
    title: "SGLang HiCache: index buffers read without layer_transfer_counter.wait_until",
    url: "https://github.com/sgl-project/sglang/pull/22811",
  },
  trigger: "a prefix that was evicted to the host and is hit again",
  symptom: "the answer reads what the blocks held before the load",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant({ workers }) {
    for (const worker of workers) worker.readyAt = () => 0;
  },
});
