import { CELLS, defineFault, instead } from "./fault.ts";

export const pdFreeOnAbort = defineFault({
  name: "pd-free-on-abort",
  mistake: "On abort the decode blocks are freed at once, while the prefill side still writes into them.",
  class: "C2",
  resembles: {
    title: "SGLang: decode frees pages on abort while the prefill writer is in flight",
    url: "https://github.com/sgl-project/sglang/issues/24527",
  },
  trigger: "a cancel during the transfer, then a request that gets the freed blocks",
  symptom: "the next request reads cells of the cancelled one",
  breaks: "own-cells-only",
  topologies: ["pd"],
  shows: CELLS,
  heals: ["no-cancels"],
  plant({ engine }) {
    instead(engine, "newTransfer", (newTransfer) => (options) => {
      const transfer = newTransfer(options);
      transfer.mayLetGo = () => true;
      return transfer;
    });
  },
});
