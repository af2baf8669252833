import { CELLS, defineFault, instead, radixTreesOf } from "./fault.ts";

export const splitLosesLock = defineFault({
  name: "split-loses-lock",
  mistake: "When a node of the radix tree is split its upper half begins without locks.",
  class: "C5",
  resembles: {
    title: "SGLang HiCache: the new node of a split has no lock, and its blocks are used again",
    url: "https://github.com/sgl-project/sglang/pull/38480",
  },
  trigger: "a prompt that shares the beginning of a running one's node, which ends first, and no room while it answers",
  symptom: "the shared prefix is evicted, and the request reads what others write there",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { prefixIndex: "radix", hostBlocks: 0 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant(lab) {
    for (const tree of radixTreesOf(lab))
      instead(tree, "split", (split) => (lower, at) => {
        const upper = split(lower, at);
        upper.lockRef = 0;
        return upper;
      });
  },
});
