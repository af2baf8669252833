import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const placeholdersFilledInOrder = defineFault({
  name: "placeholders-filled-in-order",
  mistake: "Placeholders get the tokens of the step before in order, although that step had other requests.",
  class: "C7",
  resembles: {
    title: "vLLM Gaudi: tokens of the batch before are copied to the first rows under asynchronous scheduling",
    url: "https://github.com/vllm-project/vllm-gaudi/pull/642",
  },
  trigger: "a request that leaves, or one whose prompt is computed in chunks, while others behind it decode",
  symptom: "one cell of an answer holds another request's token, and the answer goes on from there",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { asyncScheduling: true },
  shows: ["row swap", "repeated tail", ...CELLS],
  heals: ["serialised", "no-cache"],
  plant({ watch, workers }) {
    for (const worker of workers) {
      let before: readonly Sequence[] = [];
      let filled = 0;
      instead(worker, "endStep", (endStep) => (batch) => {
        before = batch.map(({ sequence }) => sequence);
        filled = 0;
        endStep(batch);
      });
      instead(worker, "inputs", (inputs) => (sequence, start, count) => {
        if (!before.includes(sequence) || start < sequence.promptLength || count > 1)
          return inputs(sequence, start, count);
        const from = before[filled++] ?? sequence;
        if (from !== sequence) watch?.misdelivered(sequence.id, from.id);
        return [from.tokens.at(-1)!];
      });
    }
  },
});
