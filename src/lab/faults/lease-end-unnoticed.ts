import { CELLS, defineFault, instead } from "./fault.ts";

export const leaseEndUnnoticed = defineFault({
  name: "lease-end-unnoticed",
  mistake: "The decode side does not find out that a lease has run out before it came to read: it reads the blocks.",
  class: "C2",
  resembles: {
    title: "vLLM: the prefill side has a timeout for blocks, which the decode side cannot detect",
    url: "https://github.com/vllm-project/vllm/issues/21570",
  },
  trigger:
    "a prompt that waits for decode blocks until its lease is over, and another that is computed into its blocks",
  symptom: "the decode side reads cells of the other prompt",
  breaks: "own-cells-only",
  topologies: ["pd"],
  settings: { transfer: "pull" },
  shows: CELLS,
  heals: ["serialised"],
  plant({ engine }) {
    instead(engine, "newLease", (newLease) => (sequence) => {
      const lease = newLease(sequence);
      instead(lease, "renew", (renew) => () => renew() || true);
      return lease;
    });
  },
});
