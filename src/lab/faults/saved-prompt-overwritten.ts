import type { SavedPrompt } from "../prompt-cache.ts";
import { CELLS, cachesWithSlots, defineFault, instead } from "./fault.ts";

export const savedPromptOverwritten = defineFault({
  name: "saved-prompt-overwritten",
  mistake: "A saved prompt that makes room for others stays listed: it is found, and its places hold other cells.",
  class: "C3",
  resembles: {
    title: "llama.cpp: the prompt cache in RAM restores content of an unrelated conversation",
    url: "https://github.com/ggml-org/llama.cpp/issues/27148",
  },
  trigger: "more saved prompts than there is room for, then the one again that was saved first",
  symptom: "the request reads cells of the prompts that were saved later",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { slots: 2, maxRunning: 2, promptCacheBlocks: 32 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant(lab) {
    for (const { slots } of cachesWithSlots(lab)) {
      const { prompts } = slots;
      if (prompts === null) continue;
      const gone = new Set<SavedPrompt>();
      instead(prompts, "save", (save) => (turn, device) => {
        const before = prompts.saved.filter((saved) => !gone.has(saved));
        prompts.saved = before;
        save(turn, device);
        for (const saved of before) if (!prompts.saved.includes(saved)) gone.add(saved);
        prompts.saved = [...prompts.saved, ...gone];
      });
      instead(prompts, "forget", (forget) => (saved) => {
        if (!gone.delete(saved)) return forget(saved);
        // Its places are others' already.
        prompts.saved = prompts.saved.filter((one) => one !== saved);
      });
    }
  },
});
