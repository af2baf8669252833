import { GREEDY } from "../sampler.ts";
import { defineFault, instead } from "./fault.ts";

export const samplingRowCopied = defineFault({
  name: "sampling-row-copied",
  mistake: "A row that was given up keeps its sampling parameters, and a request without any takes them over.",
  class: "C7",
  resembles: {
    title: "vLLM: row state copied, not moved, on a row swap",
    url: "https://github.com/vllm-project/vllm/pull/51890",
  },
  trigger: "a request with parameters of its own, and later one without in the same row",
  symptom: "the later one is sampled with the earlier one's parameters",
  breaks: "own-parameters",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: [],
  plant({ workers }) {
    for (const { rows } of workers)
      instead(rows, "setSampling", (setSampling) => (row, sequence) => {
        if (sequence.sampling !== GREEDY || rows.samplers[row] === undefined) setSampling(row, sequence);
      });
  },
});
