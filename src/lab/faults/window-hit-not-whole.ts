import { NULL_BLOCK } from "../block-pool.ts";
import { CELLS, defineFault } from "./fault.ts";

export const windowHitNotWhole = defineFault({
  name: "window-hit-not-whole",
  mistake:
    "A cached prefix counts as a hit when any block of the window before its end is there, whatever is missing beside it.",
  class: "C9",
  resembles: {
    title: "SGLang: the length matched since the last evicted node is not reset at the next one",
    url: "https://github.com/sgl-project/sglang/pull/17061",
  },
  trigger: "a prefix of whose blocks in the window some are evicted, and a request that begins with it",
  symptom: "the request reads the null block in their place",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { window: 128 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      if (kv.window !== null) kv.window.isWhole = (seen) => seen.some((block) => block !== NULL_BLOCK);
    }
  },
});
