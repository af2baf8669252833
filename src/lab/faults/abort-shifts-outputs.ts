import { CELLS, defineFault, instead } from "./fault.ts";

export const abortShiftsOutputs = defineFault({
  name: "abort-shifts-outputs",
  mistake: "The tokens of a step skip a request that was aborted meanwhile: those behind it get the next one's.",
  class: "C12",
  resembles: {
    title: "vllm-mlx: rows of a batch after a removal",
    url: "https://github.com/waybarrios/vllm-mlx/issues/775",
  },
  trigger: "a cancel in the middle of a step that computes three requests or more",
  symptom: "requests get their neighbours' tokens for one step",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["row swap", ...CELLS],
  heals: ["no-cancels"],
  plant({ watch, workers }) {
    for (const worker of workers)
      instead(worker, "answers", (answers) => (batch) => {
        const kept = batch.filter(({ sequence }) => !worker.aborting.has(sequence));
        const taken = batch.map((own, i) => kept[i] ?? own);
        for (const [i, { sequence }] of batch.entries())
          if (taken[i]!.sequence !== sequence) watch?.misdelivered(sequence.id, taken[i]!.sequence.id);
        return answers(taken);
      });
  },
});
