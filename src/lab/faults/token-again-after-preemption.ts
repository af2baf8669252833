import { defineFault, instead } from "./fault.ts";

export const tokenAgainAfterPreemption = defineFault({
  name: "token-again-after-preemption",
  mistake: "After a preemption the first new token goes into the stream twice.",
  class: "C13",
  resembles: {
    title: "SGLang: a retraction leaves accumulators of outputs behind",
    url: "https://github.com/sgl-project/sglang/pull/20724",
  },
  trigger: "more tokens in running requests than the pool holds",
  symptom: "an answer with a token too many",
  breaks: "same-prompt-same-output",
  topologies: ["single", "pd"],
  shows: ["repeated tail", "shifted read"],
  heals: ["serialised"],
  plant({ engine, workers }) {
    const preempted = new Set<string>();
    for (const { scheduler } of workers)
      instead(scheduler, "preempt", (preempt) => () => {
        const sequence = preempt();
        if (sequence.tokens.length > sequence.promptLength) preempted.add(sequence.id);
        return sequence;
      });
    instead(engine, "generated", (generated) => (sequence, token) => {
      generated(sequence, token);
      if (preempted.delete(sequence.id)) generated(sequence, token);
    });
  },
});
