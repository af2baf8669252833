import { CELLS, defineFault, instead } from "./fault.ts";

export const pooledWithNeighbour = defineFault({
  name: "pooled-with-neighbour",
  mistake:
    "Where the prompt of one embeddings request ends, all of its step are pooled, also those in the middle of theirs.",
  class: "C6",
  resembles: {
    title: "vLLM-Hook: the last token of each chunk is taken, not that of the prompt",
    url: "https://github.com/IBM/vLLM-Hook/issues/22",
  },
  trigger: "an embedding whose prompt takes several steps, beside one that ends in one of them",
  symptom: "a vector of the middle of a prompt: the lab knows none for it, or the token of an earlier read",
  breaks: "settles",
  topologies: ["single"],
  shows: ["unsettled request", "row swap", ...CELLS],
  heals: ["serialised"],
  plant({ workers }) {
    for (const { pooler } of workers)
      instead(pooler, "ending", (ending) => (batch) => {
        const right = ending(batch);
        return right.length === 0 ? right : batch.filter(({ sequence }) => sequence.embed);
      });
  },
});
