import { CELLS, cachesWithSlots, defineFault, instead } from "./fault.ts";

export const similarityAsPrefix = defineFault({
  name: "similarity-as-prefix",
  mistake: "So many tokens as a prompt has in common with a slot, wherever they are, count as its computed beginning.",
  class: "C10",
  resembles: {
    title: "llama.cpp: slots are chosen by the longest common subsequence, cells are reused by the common prefix",
    url: "https://github.com/ggml-org/llama.cpp/pull/10120",
  },
  trigger: "a prompt that parts from the one in its slot and has the same tokens again further on",
  symptom: "the request reads cells of the other prompt, from where they part on",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { slots: 4, maxRunning: 4 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant(lab) {
    for (const { slots } of cachesWithSlots(lab)) {
      instead(slots, "common", (common) => (turn, sequence) => {
        const prefix = common(turn, sequence);
        if (prefix === 0) return 0;
        return turn.tokens.filter((token, i) => token === sequence.tokens[i]).length;
      });
    }
  },
});
