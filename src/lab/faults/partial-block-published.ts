import { CELLS, defineFault } from "./fault.ts";

export const partialBlockPublished = defineFault({
  name: "partial-block-published",
  mistake: "When a request leaves early, its last block is counted as full: rounded up, not down.",
  class: "C6",
  resembles: {
    title: "SGLang: a chunk inserted in the radix tree mid-prefill, then freed by an abort",
    url: "https://github.com/sgl-project/sglang/issues/38319",
  },
  trigger: "a cancel or preemption between two chunks of a prompt, then a request with the same prefix",
  symptom: "every later hit of that prefix reads cells of the block's former owner, until a flush",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) kv.blocksToKeep = ({ computed }) => Math.ceil(computed / kv.blockSize);
  },
});
