import { CELLS, defineFault, instead, radixTreesOf } from "./fault.ts";

export const lockSkipsNode = defineFault({
  name: "lock-skips-node",
  mistake: "A lock on a prefix counts from the parent of its last node upwards, not from that node.",
  class: "C5",
  resembles: {
    title: "mini-sglang: a lock leaves out the node that it is for, which can be evicted in use",
    url: "https://github.com/sgl-project/mini-sglang/pull/52",
  },
  trigger: "running requests that need more than the free blocks, and nothing older to evict",
  symptom: "the end of a running request's prompt is evicted, and it reads what others write there",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { prefixIndex: "radix" },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant(lab) {
    for (const tree of radixTreesOf(lab))
      instead(tree, "countLock", (countLock) => (node, by) => {
        if (node.parent !== null) countLock(node.parent, by);
      });
  },
});
