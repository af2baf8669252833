import { CELLS, defineFault, instead } from "./fault.ts";

export const forkCopiesNeighbour = defineFault({
  name: "fork-copies-neighbour",
  mistake: "A fork copies the prompt's last block from the row behind its parent's.",
  class: "C7",
  resembles: {
    title: "vLLM: sequences are forked from one that is not their parent",
    url: "https://github.com/vllm-project/vllm/issues/417",
  },
  trigger: "several choices of a prompt whose last block is not full, beside a request at least as long",
  symptom: "all choices but the first read another request's cells at the end of their prompt",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: CELLS,
  heals: ["serialised"],
  plant({ workers }) {
    for (const { forks, rows } of workers)
      instead(forks, "copied", (copied) => (parent, place) => {
        const neighbour = rows.neighbour(parent);
        return copied(place < neighbour.blocks.length ? neighbour : parent, place);
      });
  },
});
