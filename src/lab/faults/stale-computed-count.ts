import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const staleComputedCount = defineFault({
  name: "stale-computed-count",
  mistake:
    "A preempted request keeps its count of computed tokens: when it resumes, its new blocks are taken for computed ones.",
  class: "C5",
  resembles: {
    title: "vLLM: a count of cached tokens stays when scheduling fails",
    url: "https://github.com/vllm-project/vllm/pull/18957",
  },
  trigger: "more tokens in running requests than the pool holds",
  symptom: "the resumed request reads what its new blocks held before, and publishes it",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["phantom hit", ...CELLS],
  heals: ["serialised"],
  plant({ workers }) {
    for (const { kv, scheduler } of workers) {
      const counts = new WeakMap<Sequence, number>();
      instead(scheduler, "preempt", (preempt) => () => {
        const last = scheduler.running.at(-1)!;
        counts.set(last, last.computed);
        return preempt();
      });
      instead(kv, "admit", (admit) => (sequence, budget) => {
        if (!admit(sequence, budget)) return false;
        const count = counts.get(sequence) ?? 0;
        if (count > sequence.computed && kv.grow(sequence, Math.min(sequence.tokens.length, count + budget)))
          sequence.computed = count;
        return true;
      });
    }
  },
});
