import { CELLS, defineFault } from "./fault.ts";

export const refusedReadTakenForDone = defineFault({
  name: "refused-read-taken-for-done",
  mistake: "A read that is refused, as its lease is over, counts as one that has landed: nothing is computed anew.",
  class: "C1",
  resembles: {
    title: "vLLM: a NIXL read that has failed counts as received, and the answer is corrupted",
    url: "https://github.com/vllm-project/vllm/issues/52234",
  },
  trigger: "a prompt that waits for decode blocks until its lease is over",
  symptom: "the decode side reads what its blocks had before",
  breaks: "own-cells-only",
  topologies: ["pd"],
  settings: { transfer: "pull" },
  shows: CELLS,
  heals: ["serialised"],
  plant({ engine }) {
    engine.refused = (underWay) => engine.transferred(underWay);
  },
});
