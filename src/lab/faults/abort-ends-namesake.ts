import { defineFault, instead } from "./fault.ts";

export const abortEndsNamesake = defineFault({
  name: "abort-ends-namesake",
  mistake: "An abort goes by the id that the client gave: it takes out every request that has the same one.",
  class: "C12",
  resembles: {
    title: "vLLM: the abort of a request ends a new one under the same id in the engine",
    url: "https://github.com/vllm-project/vllm/issues/23697",
  },
  trigger: "a cancel while another request under the same id is in the engine",
  symptom: "the other request never ends",
  breaks: "settles",
  topologies: ["single", "pd"],
  shows: ["unsettled request"],
  heals: ["no-cancels"],
  plant({ workers }) {
    for (const worker of workers)
      instead(worker, "takeOut", (takeOut) => (sequence) => {
        takeOut(sequence);
        const { running, waiting } = worker.scheduler;
        for (const other of [...running, ...waiting])
          if (sequence.requestId !== null && other.requestId === sequence.requestId) takeOut(other);
      });
  },
});
