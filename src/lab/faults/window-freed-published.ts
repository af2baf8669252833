import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const windowFreedPublished = defineFault({
  name: "window-freed-published",
  mistake:
    "A request that leaves or is preempted offers all blocks of layers with a window to the prefix cache once more, those too that it gave back long ago.",
  class: "C9",
  resembles: {
    title: "SGLang: cells that were evicted from the window are inserted into the radix tree again",
    url: "https://github.com/sgl-project/sglang/pull/31486",
  },
  trigger: "a block that left a window and was given away since, and a later request with the beginning of that prefix",
  symptom: "the later request reads what others have written into the block",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { window: 128 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      const { window } = kv;
      if (window === null) continue;
      const before = new WeakMap<Sequence, number[]>();
      instead(window, "giveBackTo", (giveBackTo) => (sequence, count) => {
        const known = before.get(sequence) ?? [];
        before.set(
          sequence,
          sequence.windowBlocks.map((block, i) => block || (known[i] ?? 0)),
        );
        giveBackTo(sequence, count);
      });
      instead(kv, "retire", (retire) => (sequence) => {
        const { keys, ...prefix } = kv.prefix(sequence, sequence.cacheable ? kv.blocksToKeep(sequence) : 0);
        for (const [i, key] of keys.entries()) {
          const block = before.get(sequence)?.[i] ?? 0;
          if (block > 0) window.publish({ ...prefix, keys: [key] }, { windowBlocks: [block] }, 0);
        }
        retire(sequence);
      });
    }
  },
});
