import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const duplicatesFreedInUse = defineFault({
  name: "duplicates-freed-in-use",
  mistake:
    "Blocks of a running request whose tokens the radix tree has already are freed, and stay in the request's block table.",
  class: "C5",
  resembles: {
    title: "mini-sglang: duplicate pages are freed while the page table points at them",
    url: "https://github.com/sgl-project/mini-sglang/pull/142",
  },
  trigger:
    "two requests that compute the same prefix at once, and a third one or their answers that take the freed blocks",
  symptom: "the later of the two reads what is written there",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { prefixIndex: "radix" },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      /** Places in a request's block table. */
      const freed = new WeakMap<Sequence, Set<number>>();
      instead(kv, "publish", (publish) => (sequence) => {
        const { blocks, published } = sequence;
        publish(sequence);
        const gone = freed.get(sequence) ?? new Set();
        for (let i = published; i < sequence.published; i++) {
          if (kv.prefixes.holds(blocks[i]!)) continue;
          kv.pool.release([blocks[i]!]);
          gone.add(i);
        }
        freed.set(sequence, gone);
      });
      instead(kv, "retire", (retire) => (sequence) => {
        kv.publishBlocks(sequence, kv.blocksToKeep(sequence));
        sequence.blocks = sequence.blocks.filter((_, i) => !freed.get(sequence)?.has(i));
        freed.delete(sequence);
        retire(sequence);
      });
    }
  },
});
