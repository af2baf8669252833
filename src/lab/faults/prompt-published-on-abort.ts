import { CELLS, defineFault, instead } from "./fault.ts";

export const promptPublishedOnAbort = defineFault({
  name: "prompt-published-on-abort",
  mistake: "When a request leaves in the middle of its prompt, all its blocks are published, computed or not.",
  class: "C6",
  resembles: {
    title: "SGLang: a chunk inserted in the radix tree mid-prefill, then freed by an abort",
    url: "https://github.com/sgl-project/sglang/issues/38319",
  },
  trigger: "a cancel between two chunks of a prompt, then a request with the same prefix",
  symptom: "every later hit of that prefix reads cells of the blocks' former owners",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "retire", (retire) => (sequence) => {
        kv.publishBlocks(sequence, sequence.blocks.length);
        retire(sequence);
      });
  },
});
