import { CELLS, cachesWithSlots, defineFault, instead } from "./fault.ts";

export const slotKeepsAdapter = defineFault({
  name: "slot-keeps-adapter",
  mistake: "A request without an adapter goes on from its slot's cells whichever adapter has computed them.",
  class: "C10",
  resembles: {
    title: "llama.cpp: a request without lora takes over cells that an adapter has computed",
    url: "https://github.com/ggml-org/llama.cpp/issues/26207",
  },
  trigger: "a prompt under an adapter, then one with the same beginning without any in the same slot",
  symptom: "the second request reads cells of the adapter",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { slots: 4, maxRunning: 4 },
  shows: ["adapter mix-up", "phantom hit", ...CELLS],
  heals: ["no-cache"],
  adapters: "some",
  plant(lab) {
    for (const { kv, slots } of cachesWithSlots(lab)) {
      instead(slots, "common", (common) => (turn, sequence) => {
        const { adapter, salt } = sequence;
        const root = adapter === null && salt === null ? kv.keyRoot(sequence) : turn.root;
        return common({ ...turn, root }, sequence);
      });
    }
  },
});
