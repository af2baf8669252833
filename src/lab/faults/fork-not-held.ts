import { CELLS, defineFault, instead } from "./fault.ts";

export const forkNotHeld = defineFault({
  name: "fork-not-held",
  mistake: "A fork does not count the new choices as holders of the blocks that they share.",
  class: "C5",
  resembles: {
    title: "vLLM: reference counts of forked blocks go wrong, and blocks are freed twice",
    url: "https://github.com/vllm-project/vllm/pull/3347",
  },
  trigger: "one of several choices ends, is cancelled or preempted first, while another runs on and a third wants room",
  symptom: "a choice reads the cells of another request",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: CELLS,
  heals: ["serialised"],
  plant({ workers }) {
    for (const { forks, kv } of workers) {
      const { pool } = kv;
      forks.hold = () => {};
      instead(pool, "release", (release) => (blocks) => {
        for (const block of blocks) if (pool.references(block) > 0) release([block]);
      });
    }
  },
});
