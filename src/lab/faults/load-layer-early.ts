import { CELLS, defineFault } from "./fault.ts";

export const loadLayerEarly = defineFault({
  name: "load-layer-early",
  mistake: "A layer is computed when the layer below it has come from the host, not when it has itself.",
  class: "C1",
  resembles: {
    title: "TensorRT-LLM: transfer stream not ordered before the forward stream",
    url: "https://github.com/NVIDIA/TensorRT-LLM/pull/10060",
  },
  trigger: "a prefix that was evicted to the host and is hit again",
  symptom: "the last blocks of a layer are read as they were before the load",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant({ workers }) {
    for (const worker of workers) worker.readyAt = ({ load }, layer) => load?.readyAt[layer - 1] ?? 0;
  },
});
