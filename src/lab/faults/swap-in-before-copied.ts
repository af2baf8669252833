import { CELLS, defineFault, instead } from "./fault.ts";

export const swapInBeforeCopied = defineFault({
  name: "swap-in-before-copied",
  mistake: "A preempted request that is swapped in is computed at once: nothing waits until its cells have come.",
  class: "C1",
  resembles: {
    title: "SGLang: a retracted request's cells are loaded back without a fence",
    url: "https://github.com/sgl-project/sglang/pull/36738",
  },
  trigger: "more tokens in running requests than the pool holds, and room in the swap space",
  symptom: "the resumed request computes over cells that lay in its new blocks before",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { swapBlocks: 64 },
  shows: CELLS,
  heals: ["serialised"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "swapIn", (swapIn) => (sequence, swapped, budget) => {
        const room = swapIn(sequence, swapped, budget);
        if (room) sequence.load = null;
        return room;
      });
  },
});
