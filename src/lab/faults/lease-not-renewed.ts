import { CELLS, defineFault, instead } from "./fault.ts";

export const leaseNotRenewed = defineFault({
  name: "lease-not-renewed",
  mistake:
    "Reads that are under way do not renew their lease: it runs out, and the prefill side gives the blocks away.",
  class: "C2",
  resembles: {
    title: "vLLM: heartbeats fail to renew the leases of the NIXL connector",
    url: "https://github.com/vllm-project/vllm/issues/53095",
  },
  trigger: "a prompt that takes longer to read than its lease lasts, and another that is computed into its blocks",
  symptom: "the decode side reads cells of the other prompt",
  breaks: "own-cells-only",
  topologies: ["pd"],
  settings: { transfer: "pull" },
  shows: CELLS,
  heals: ["serialised"],
  plant({ engine }) {
    instead(engine, "newLease", (newLease) => (sequence) => {
      const lease = newLease(sequence);
      lease.renew = () => !lease.isOver;
      return lease;
    });
  },
});
