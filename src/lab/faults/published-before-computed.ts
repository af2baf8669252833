import { CELLS, defineFault, instead } from "./fault.ts";

export const publishedBeforeComputed = defineFault({
  name: "published-before-computed",
  mistake: "A prompt's blocks are in the prefix cache when it is admitted, before they are computed.",
  class: "C5",
  resembles: {
    title: "vLLM: a block registered in the prefix cache before its forward pass ran",
    url: "https://github.com/vllm-project/vllm/pull/38715",
  },
  trigger: "two requests with one prefix, the second before the first has computed it",
  symptom: "the second reads cells that are not written yet",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "admit", (admit) => (sequence, budget) => {
        const admitted = admit(sequence, budget);
        if (admitted)
          kv.publishBlocks(
            sequence,
            Math.min(kv.blocksToKeep({ computed: sequence.promptLength }), sequence.blocks.length),
          );
        return admitted;
      });
  },
});
