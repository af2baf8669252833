import type { Lease } from "../lease.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const namesakeEndsLease = defineFault({
  name: "namesake-ends-lease",
  mistake: "Leases are kept under the id that the client gave: a notification ends the latest one that has it.",
  class: "C12",
  resembles: {
    title: "vLLM: request ids of clients collide, with prefill apart long after a request has been answered",
    url: "https://github.com/vllm-project/vllm/pull/27987",
  },
  trigger:
    "two leases under one id, of which the earlier ends first, and a prompt that is computed into the later one's blocks",
  symptom: "the decode side reads cells of the third prompt",
  breaks: "own-cells-only",
  topologies: ["pd"],
  settings: { transfer: "pull" },
  shows: CELLS,
  heals: ["serialised"],
  plant({ engine }) {
    const leases = new Map<string, Lease>();
    instead(engine, "newLease", (newLease) => (sequence) => {
      const lease = newLease(sequence);
      const id = sequence.requestId ?? sequence.id;
      leases.set(id, lease);
      instead(lease, "notified", (notified) => () => {
        const latest = leases.get(id)!;
        if (latest === lease) notified();
        else latest.notified();
      });
      return lease;
    });
  },
});
