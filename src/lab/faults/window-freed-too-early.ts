import { CELLS, defineFault, instead } from "./fault.ts";

export const windowFreedTooEarly = defineFault({
  name: "window-freed-too-early",
  mistake: "Blocks of layers with a window are given back a block too early, where the prefix cache has them.",
  class: "C9",
  resembles: {
    title: "SGLang: the chunk cache evicts tokens that are still in the sliding window",
    url: "https://github.com/sgl-project/sglang/issues/8649",
  },
  trigger: "a context longer than the window, while others take the last free blocks",
  symptom: "at the far end of its window the request reads what others have written there",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { window: 64 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      const { window, blockSize, prefixes } = kv;
      if (window === null) continue;
      instead(window, "giveBack", (giveBack) => (sequence) => {
        giveBack(sequence);
        const early = window.firstSeen(sequence.computed + blockSize);
        if (early > 0 && prefixes.holds(sequence.windowBlocks[early - 1]!)) window.giveBackTo(sequence, early);
      });
    }
  },
});
