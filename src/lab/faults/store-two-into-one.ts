import { CELLS, cachesWithHost, defineFault } from "./fault.ts";

export const storeTwoIntoOne = defineFault({
  name: "store-two-into-one",
  mistake: "A full host tier gives a block away and keeps its old key as well: two prefixes lie in one block.",
  class: "C3",
  resembles: {
    title: "TensorRT-LLM: two blocks are offloaded to one host block",
    url: "https://github.com/NVIDIA/TensorRT-LLM/issues/8813",
  },
  trigger: "more evicted blocks than the host holds, and the first of them asked for again",
  symptom: "a load brings another prompt's cells",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: CELLS,
  heals: ["no-cache"],
  plant(lab) {
    for (const { host } of cachesWithHost(lab)) {
      host.giveAway = () => {
        const oldest = [...host.slotOf].find(([, place]) => host.readers[place] === 0);
        if (oldest === undefined) return null;
        const [key, place] = oldest;
        host.slotOf.delete(key);
        host.slotOf.set(key, place);
        return place;
      };
    }
  },
});
