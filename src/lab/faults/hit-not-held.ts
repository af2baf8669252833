import { CELLS, defineFault, instead } from "./fault.ts";

export const hitNotHeld = defineFault({
  name: "hit-not-held",
  mistake: "Cached blocks are looked up, then room is made for the rest of the prompt, and only then are they held.",
  class: "C5",
  resembles: {
    title: "vLLM: a cached block with no reference is taken between lookup and touch",
    url: "https://github.com/vllm-project/vllm/issues/37076",
  },
  trigger: "a hit on blocks that nobody holds, while the pool has no other free ones",
  symptom: "the request gets its own cached block again for other tokens",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { hostBlocks: 0 },
  shows: CELLS,
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      const { pool } = kv;
      /** What was found is held only when room has been made. */
      let late: (() => void)[] | null = null;
      instead(pool, "hold", (hold) => (blocks) => {
        if (late === null) hold(blocks);
        else late.push(() => hold(blocks));
      });
      instead(kv, "take", (take) => (count) => {
        const found = late;
        late = null;
        const taken = take(count);
        for (const hold of found ?? []) hold();
        return taken;
      });
      instead(kv, "admit", (admit) => (sequence, budget) => {
        late = [];
        return admit(sequence, budget);
      });
    }
  },
});
