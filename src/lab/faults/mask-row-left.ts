import { defineFault } from "./fault.ts";

export const maskRowLeft = defineFault({
  name: "mask-row-left",
  mistake: "A row that was given up keeps its mask of allowed tokens, and a request without one takes it over.",
  class: "C7",
  resembles: {
    title: "vLLM: allowed_token_ids of one request hold another one in its row",
    url: "https://github.com/vllm-project/vllm/pull/14169",
  },
  trigger: "a request with allowed tokens, and later one without in the same row",
  symptom: "the later one is held to the earlier one's allowed tokens",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: [],
  plant({ workers }) {
    for (const { rows } of workers) rows.clearMask = () => {};
  },
});
