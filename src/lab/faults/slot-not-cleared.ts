import { CELLS, cachesWithSlots, defineFault, instead } from "./fault.ts";

export const slotNotCleared = defineFault({
  name: "slot-not-cleared",
  mistake:
    "A slot that gets nothing from the saved prompts is not cleared: what it has is taken for the next prompt's.",
  class: "C10",
  resembles: {
    title: "llama.cpp: a slot chosen because it is idle longest keeps the state of an unrelated request",
    url: "https://github.com/ggml-org/llama.cpp/pull/27624",
  },
  trigger: "more different prompts than slots, so that one gets the slot of a prompt that it shares nothing with",
  symptom: "the request reads the cells of the slot's last request as its own beginning",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { slots: 2, maxRunning: 2, promptCacheBlocks: 64 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant(lab) {
    for (const { kv, slots } of cachesWithSlots(lab)) {
      instead(slots, "restore", (restore) => (sequence, slot, known, prompts) => {
        const before = slots.turns.get(slot);
        const left = before?.blocks ?? [];
        kv.pool.hold(left);
        restore(sequence, slot, known, prompts);
        if (before === undefined || slots.turns.has(slot)) return kv.pool.release(left);
        const tokens = sequence.tokens.slice(0, before.tokens.length);
        const blocks = left.slice(0, kv.blocksFor(tokens.length));
        kv.pool.release(left.slice(blocks.length));
        slots.turns.set(slot, { ...before, tokens, blocks, root: kv.keyRoot(sequence) });
      });
    }
  },
});
