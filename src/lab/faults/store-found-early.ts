import { CELLS, cachesWithHost, defineFault, instead } from "./fault.ts";

export const storeFoundEarly = defineFault({
  name: "store-found-early",
  mistake: "A block is found in the host from the moment on that its store begins, not when its last layer has come.",
  class: "C3",
  resembles: {
    title: "LMCache: a prefix is retrieved while it is still being stored",
    url: "https://github.com/LMCache/LMCache/issues/207",
  },
  trigger: "a prefix that is asked for again while it is evicted to the host",
  symptom: "the load overtakes the store, and brings what the host's blocks held before",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { prefixIndex: "radix", costs: { load: 20, store: 400 } },
  shows: CELLS,
  heals: ["no-cache"],
  plant(lab) {
    for (const { host } of cachesWithHost(lab)) {
      instead(host, "begin", (begin) => (evicted) => {
        const stored = begin(evicted);
        if (stored !== null) host.slotOf.set(evicted.key, stored.place);
        return stored;
      });
    }
  },
});
