import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const inputTokenStale = defineFault({
  name: "input-token-stale",
  mistake: "When the last row moves into a removed row's place, it is fed the removed one's token for one step.",
  class: "C7",
  resembles: {
    title: "vLLM: stale tokens in a batch slot are fed to another request",
    url: "https://github.com/advisories/GHSA-v97p-wpxp-px84",
  },
  trigger: "a row removed from the middle while others decode",
  symptom: "one cell of the moved request's answer holds another request's token",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["row swap", "repeated tail", ...CELLS],
  heals: ["serialised", "no-cache"],
  plant({ watch, workers }) {
    for (const worker of workers) {
      const { rows } = worker;
      const stale = new Map<Sequence, Sequence>();
      instead(rows, "moveTable", (moveTable) => (from, to) => {
        stale.set(rows.sequences[to]!, rows.samplers[to]!);
        moveTable(from, to);
      });
      instead(worker, "inputs", (inputs) => (sequence, start, count) => {
        const removed = stale.get(sequence);
        stale.delete(sequence);
        const right = inputs(sequence, start, count);
        if (removed === undefined || start < sequence.promptLength) return right;
        watch?.misdelivered(sequence.id, removed.id);
        return [removed.tokens.at(-1)!];
      });
    }
  },
});
