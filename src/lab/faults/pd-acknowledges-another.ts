import type { Transfer } from "../transfer.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const pdAcknowledgesAnother = defineFault({
  name: "pd-acknowledges-another",
  mistake: "When one transfer is whole, every other one that is posted is taken for whole as well.",
  class: "C2",
  resembles: {
    title: "vLLM: the NIXL failure path takes a stale transfer for complete",
    url: "https://github.com/vllm-project/vllm/issues/52234",
  },
  trigger: "two transfers at once, one of them long",
  symptom: "the first decode steps read cells that have not come yet",
  breaks: "own-cells-only",
  topologies: ["pd"],
  shows: CELLS,
  heals: ["serialised", "no-cancels"],
  plant({ engine }) {
    const open = new Set<Transfer>();
    const taken = new Set<Transfer>();
    instead(engine, "newTransfer", (newTransfer) => (options) => {
      const transfer = newTransfer(options);
      open.add(transfer);
      instead(transfer, "isWhole", (isWhole) => () => {
        if (!isWhole()) return taken.has(transfer);
        open.delete(transfer);
        for (const other of open) {
          if (!other.allPosted) continue;
          open.delete(other);
          taken.add(other);
          other.acknowledgeIfWhole();
        }
        return true;
      });
      return transfer;
    });
  },
});
