import { defineFault } from "./fault.ts";

export const samplingRowLeft = defineFault({
  name: "sampling-row-left",
  mistake: "When the last row moves into a removed row's place, its sampling parameters stay behind.",
  class: "C7",
  resembles: {
    title: "vLLM: row state copied, not moved, on a row swap",
    url: "https://github.com/vllm-project/vllm/pull/51890",
  },
  trigger: "a row removed from the middle while others run, one of the two with parameters of its own",
  symptom: "the moved request is sampled with the removed one's parameters",
  breaks: "own-parameters",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { rows } of workers) rows.moveSampling = () => {};
  },
});
