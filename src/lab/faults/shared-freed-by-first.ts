import { CELLS, defineFault, instead } from "./fault.ts";

export const sharedFreedByFirst = defineFault({
  name: "shared-freed-by-first",
  mistake: "When a request is cancelled, blocks that it shares are free although others still read them.",
  class: "C5",
  resembles: {
    title: "vLLM: freed blocks and their reference counts",
    url: "https://github.com/vllm-project/vllm/pull/40768",
  },
  trigger: "a cancel of one of two requests with the same prefix, while the other runs on and a third wants room",
  symptom: "the other one reads the third one's cells",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: CELLS,
  heals: ["no-cancels"],
  plant({ workers }) {
    for (const worker of workers) {
      const { pool } = worker.kv;
      let lost = new Set<number>();
      instead(worker, "takeOut", (takeOut) => (sequence) => {
        const shared = sequence.blocks.filter(
          (block) =>
            pool.references(block) > 1 && worker.rows.sequences.filter((s) => s.blocks.includes(block)).length > 1,
        );
        for (const block of shared) while (pool.references(block) > 1) pool.release([block]);
        takeOut(sequence);
        lost = new Set([...lost, ...shared]);
      });
      instead(pool, "release", (release) => (blocks) => {
        for (const block of blocks) if (pool.references(block) > 0 || !lost.has(block)) release([block]);
      });
    }
  },
});
