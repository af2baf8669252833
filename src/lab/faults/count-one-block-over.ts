import { CELLS, defineFault, instead } from "./fault.ts";

export const countOneBlockOver = defineFault({
  name: "count-one-block-over",
  mistake: "A hit counts one block more than was found.",
  class: "C5",
  resembles: {
    title: "Text Generation Inference: edge cases of prefix caching that corrupt for long",
    url: "https://github.com/huggingface/text-generation-inference/pull/2490",
  },
  trigger: "a request that shares a prefix with an earlier one and goes on for more than a block",
  symptom: "the request reads a block that it has not computed",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "admit", (admit) => (sequence, budget) => {
        if (!admit(sequence, budget)) return false;
        const over = sequence.computed + kv.blockSize;
        const hit = sequence.computed > 0 && over < sequence.tokens.length;
        if (hit && kv.grow(sequence, Math.min(sequence.tokens.length, over + budget))) sequence.computed = over;
        return true;
      });
  },
});
