import { CELLS, defineFault } from "./fault.ts";
import { pdFreeOnAbort } from "./pd-free-on-abort.ts";

export const pulledBlocksFreedOnAbort = defineFault({
  name: "pulled-blocks-freed-on-abort",
  mistake: "On abort the decode blocks are freed at once, while cells are still being read into them.",
  class: "C2",
  resembles: {
    title: "vLLM: blocks of an aborted request are freed while its asynchronous load writes them",
    url: "https://github.com/vllm-project/vllm/pull/32255",
  },
  trigger: "a cancel while the prompt is read, then a request that gets the freed blocks",
  symptom: "the next request reads cells of the cancelled one",
  breaks: "own-cells-only",
  topologies: ["pd"],
  settings: { transfer: "pull" },
  shows: CELLS,
  heals: ["no-cancels"],
  plant: pdFreeOnAbort.plant,
});
