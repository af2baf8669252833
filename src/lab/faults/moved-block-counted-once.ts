import { CELLS, defineFault, instead } from "./fault.ts";

export const movedBlockCountedOnce = defineFault({
  name: "moved-block-counted-once",
  mistake: "A block that is moved counts one holder in its new place, however many it had.",
  class: "C11",
  resembles: {
    title: "vLLM for Gaudi: defragmentation counts one reference to a moved block that several requests share",
    url: "https://github.com/vllm-project/vllm-gaudi/pull/182",
  },
  trigger: "a block that two requests share is moved, one of them leaves, and a third wants room",
  symptom: "the other one reads the third one's cells",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { movesPerStep: 4 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      const { pool } = kv;
      instead(pool, "move", (move) => (from, to) => {
        const others = Array.from({ length: pool.references(from) - 1 }, () => from);
        pool.release(others);
        move(from, to);
      });
      instead(pool, "release", (release) => (blocks) => {
        for (const block of blocks) if (pool.references(block) > 0) release([block]);
      });
    }
  },
});
