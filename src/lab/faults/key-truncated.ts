import { CELLS, defineFault, instead } from "./fault.ts";

export const keyTruncated = defineFault({
  name: "key-truncated",
  mistake: "Keys of cached blocks are cut to 16 bits: now and then two blocks have the same.",
  class: "C4",
  resembles: {
    title: "LMCache: an image's id is reduced to 16 bits",
    url: "https://github.com/LMCache/LMCache/issues/3301",
  },
  trigger: "two blocks whose keys begin alike, where a request asks for one and the other is cached",
  symptom: "the request takes another prompt's block for its own",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { hostBlocks: 512 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "keys", (keys) => (sequence, count) => keys(sequence, count).map((key) => key.slice(0, 4)));
  },
});
