import { defineFault, instead } from "./fault.ts";

export const grammarResetByPreemption = defineFault({
  name: "grammar-reset-by-preemption",
  mistake: "A preempted request's grammar begins anew, although the tokens that it has generated stay.",
  class: "C7",
  resembles: {
    title: "vLLM: a preempted request's drafts and its grammar disagree when it is resumed",
    url: "https://github.com/vllm-project/vllm/pull/31955",
  },
  trigger: "more tokens in running requests than the pool holds, and a grammar in the one that is preempted",
  symptom: "an answer that begins again in the middle",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { hostBlocks: 0 },
  shows: ["leaked parameter"],
  heals: ["serialised"],
  plant({ watch, workers }) {
    for (const { scheduler } of workers)
      instead(scheduler, "preempt", (preempt) => () => {
        const sequence = preempt();
        const { grammar } = sequence;
        if (grammar !== null && grammar.length > 0) {
          watch?.missampled(sequence.id, sequence.id);
          grammar.rollback(grammar.length);
        }
        return sequence;
      });
  },
});
