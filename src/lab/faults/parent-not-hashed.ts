import { CELLS, defineFault, instead } from "./fault.ts";

/** Of a block's key. The first block's parent is its root, which is shorter. */
const KEY_LENGTH = 16;

export const parentNotHashed = defineFault({
  name: "parent-not-hashed",
  mistake: "The key of a cached block leaves out the blocks before it.",
  class: "C4",
  resembles: {
    title: "vLLM: keys of cached blocks that collide",
    url: "https://github.com/advisories/GHSA-rm76-4mrf-v9r8",
  },
  trigger: "the same block of tokens behind two prefixes of one length",
  symptom: "the request reads cells that were computed behind another prefix",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(
        kv,
        "blockKey",
        (blockKey) => (parent, tokens) => blockKey(parent.length === KEY_LENGTH ? "" : parent, tokens),
      );
  },
});
