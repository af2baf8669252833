import { CELLS, defineFault, instead } from "./fault.ts";

export const tokensBySchedule = defineFault({
  name: "tokens-by-schedule",
  mistake: "Tokens come in the order of rows and are given out in the order of the schedule.",
  class: "C7",
  resembles: {
    title: "mlx-lm: batch filtering leaves per-row state misaligned",
    url: "https://github.com/ml-explore/mlx-lm/issues/965",
  },
  trigger: "a row removed from the middle while others run: rows and schedule then have other orders",
  symptom: "requests get each other's tokens",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["row swap", ...CELLS],
  heals: ["serialised", "no-cache"],
  plant({ watch, workers }) {
    for (const worker of workers)
      instead(worker, "answers", (answers) => (batch) => {
        const byRow = [...batch].sort((a, b) => worker.rows.rowOf(a.sequence) - worker.rows.rowOf(b.sequence));
        for (const [i, { sequence }] of batch.entries())
          if (byRow[i]!.sequence !== sequence) watch?.misdelivered(sequence.id, byRow[i]!.sequence.id);
        return answers(byRow);
      });
  },
});
