import { CELLS, defineFault } from "./fault.ts";

export const freedOneStepEarly = defineFault({
  name: "freed-one-step-early",
  mistake: "A request that leaves gives its blocks back at once, although the step under way still writes into them.",
  class: "C2",
  resembles: {
    title: "vLLM Ascend: blocks of a finished or aborted request are given back while a step is in flight",
    url: "https://github.com/vllm-project/vllm-ascend/issues/14055",
  },
  trigger: "an end or a cancel, and a load from the host into the freed blocks before the step has ended",
  symptom: "among the loaded cells is one of the request that has left",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { asyncScheduling: true, swapBlocks: 64, costs: { load: 10 } },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const worker of workers) worker.free = (sequence) => worker.kv.retire(sequence);
  },
});
