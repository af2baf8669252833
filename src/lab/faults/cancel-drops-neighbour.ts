import { defineFault, instead } from "./fault.ts";

export const cancelDropsNeighbour = defineFault({
  name: "cancel-drops-neighbour",
  mistake: "An abort removes the row after the one that was meant.",
  class: "C16",
  resembles: {
    title: "llama.cpp: a cancel hits the task that was just launched",
    url: "https://github.com/ggml-org/llama.cpp/issues/23493",
  },
  trigger: "a cancel while another request runs",
  symptom: "another request never ends",
  breaks: "settles",
  topologies: ["single", "pd"],
  shows: ["unsettled request"],
  heals: ["no-cancels"],
  plant({ workers }) {
    for (const worker of workers)
      instead(worker, "takeOut", (takeOut) => (sequence) => {
        const running = worker.rows.rowOf(sequence) !== -1;
        takeOut(running ? worker.rows.neighbour(sequence) : sequence);
      });
  },
});
