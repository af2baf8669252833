import { CELLS, defineFault, instead } from "./fault.ts";

export const rewoundBlockInTable = defineFault({
  name: "rewound-block-in-table",
  mistake: "A block that only rejected drafts have filled is given back, and stays in the row's block table.",
  class: "C8",
  resembles: {
    title: "TensorRT-LLM: a block is freed when rejected drafts are taken back, and still referred to",
    url: "https://github.com/NVIDIA/TensorRT-LLM/issues/16448",
  },
  trigger: "drafts rejected behind the edge of a block, and another request that takes the block before the next step",
  symptom: "both requests compute in one block, and each reads the other's cells",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { draftTokens: 3 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const worker of workers) {
      const { kv } = worker;
      instead(worker, "takeBack", (takeBack) => (sequence, rejected) => {
        takeBack(sequence, rejected);
        if (rejected > 0) kv.pool.release(sequence.blocks.splice(kv.blocksFor(sequence.computed + 1)));
      });
    }
  },
});
