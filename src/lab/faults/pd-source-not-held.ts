import { CELLS, defineFault, instead } from "./fault.ts";

export const pdSourceNotHeld = defineFault({
  name: "pd-source-not-held",
  mistake: "The prefill side frees a prompt's blocks when its first token is known, while they are still being sent.",
  class: "C2",
  resembles: {
    title: "TensorRT-LLM: disaggregated serving frees blocks whose transfer has not ended",
    url: "https://github.com/NVIDIA/TensorRT-LLM/pull/13713",
  },
  trigger: "a prompt that is computed into the freed blocks before they have been sent",
  symptom: "the decode side gets cells of the other prompt",
  breaks: "own-cells-only",
  topologies: ["pd"],
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ engine }) {
    instead(engine, "newTransfer", (newTransfer) => (options) => {
      const transfer = newTransfer(options);
      transfer.holdSource = () => {};
      transfer.releaseSource = () => {};
      return transfer;
    });
  },
});
