import { CELLS, defineFault, instead } from "./fault.ts";

export const windowHitShorter = defineFault({
  name: "window-hit-shorter",
  mistake:
    "Where layers with a window have less of a cached prefix than the others, the blocks are those of the shorter hit, and the count of computed tokens is that of the longer one.",
  class: "C9",
  resembles: {
    title: "vLLM: the length of a hit is not that of the blocks, where groups of layers hit differently",
    url: "https://github.com/vllm-project/vllm/pull/46281",
  },
  trigger: "a prefix of whose blocks some are evicted in layers with a window alone, and a request that begins with it",
  symptom: "the request reads what its new blocks held before",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { window: 64 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "admit", (admit) => (sequence, budget) => {
        const { cacheable, tokens } = sequence;
        const whole = kv.prefix(sequence, cacheable ? kv.blocksToKeep({ computed: tokens.length - 1 }) : 0);
        const longer = kv.prefixes.find(whole).length * kv.blockSize;
        if (!admit(sequence, budget)) return false;
        if (longer > sequence.computed && kv.grow(sequence, Math.min(tokens.length, longer + budget)))
          sequence.computed = longer;
        return true;
      });
  },
});
