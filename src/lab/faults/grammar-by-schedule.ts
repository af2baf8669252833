import { defineFault, instead } from "./fault.ts";

export const grammarBySchedule = defineFault({
  name: "grammar-by-schedule",
  mistake: "Bitmasks of grammars come in the order of the schedule and are given out in the order of rows.",
  class: "C7",
  resembles: {
    title: "vLLM on TPU: rows of the grammar bitmask are misaligned with the requests of the batch",
    url: "https://github.com/vllm-project/tpu-inference/pull/1563",
  },
  trigger: "a row removed from the middle while others run: rows and schedule then have other orders",
  symptom: "a request is held to its neighbour's grammar, and that one to none",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: ["serialised", "no-cache"],
  plant({ watch, workers }) {
    for (const worker of workers) {
      const { rows } = worker;
      instead(worker, "rowOfBitmask", (rowOfBitmask) => (sequence, drawing) => {
        const byRow = drawing.map((entry) => rowOfBitmask(entry.sequence, drawing)).sort((a, b) => a - b);
        const row = byRow[drawing.findIndex((entry) => entry.sequence === sequence)]!;
        const loser = rows.sequences[row]!;
        if (loser !== sequence && sequence.grammar === null) watch?.missampled(loser.id, sequence.id);
        return row;
      });
    }
  },
});
