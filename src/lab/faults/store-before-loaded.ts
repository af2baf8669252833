import { CELLS, cachesWithHost, defineFault, instead } from "./fault.ts";

export const storeBeforeLoaded = defineFault({
  name: "store-before-loaded",
  mistake: "Blocks that a request waits for are stored anew under their keys at once, before they are loaded.",
  class: "C3",
  resembles: {
    title: "vLLM: the offloading connector stores blocks that another connector has yet to load",
    url: "https://github.com/vllm-project/vllm/pull/35092",
  },
  trigger: "a prefix that is loaded from the host, evicted again and loaded again",
  symptom: "the second load brings what the blocks held before the first",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { poolBlocks: 64, costs: { store: 50 } },
  shows: CELLS,
  heals: ["no-cache"],
  plant(lab) {
    const { clock, engine } = lab;
    for (const { kv, host } of cachesWithHost(lab)) {
      instead(kv, "load", (load) => (sequence, places, blocks) => {
        load(sequence, places, blocks);
        const first = sequence.blocks.indexOf(blocks[0]!);
        const keys = kv.keys(sequence, first + blocks.length).slice(first);
        for (const key of keys) host.slotOf.delete(key);
        const entries = blocks.map((block, i) => ({ block, key: keys[i]! }));
        const stored = host.store(clock, kv.cells, entries, engine.config.costs.store, (read) =>
          kv.releaseOutgoing(read),
        );
        kv.holdOutgoing(stored);
      });
    }
  },
});
