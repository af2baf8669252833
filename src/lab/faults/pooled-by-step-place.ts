import { CELLS, defineFault, instead } from "./fault.ts";

export const pooledByStepPlace = defineFault({
  name: "pooled-by-step-place",
  mistake: "The pooled outputs of a step lie side by side, and are looked for at their requests' places in the step.",
  class: "C13",
  resembles: {
    title: "vLLM: an unfinished chunk's place in the list of pooled outputs counts twice",
    url: "https://github.com/vllm-project/vllm/pull/41049",
  },
  trigger: "two embeddings that end in one step, behind a completion or a prompt that is not whole",
  symptom: "an embeddings request gets another's vector",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: ["row swap", ...CELLS],
  heals: ["serialised"],
  plant({ watch, workers }) {
    for (const { pooler } of workers)
      instead(pooler, "copy", (copy) => (ending, batch) => {
        const right = copy(ending, batch);
        return ending.map((entry) => {
          const taken = right[Math.min(batch.indexOf(entry), right.length - 1)]!;
          if (taken.of !== entry.sequence) watch?.misdelivered(entry.sequence.id, taken.of.id);
          return taken;
        });
      });
  },
});
