import { defineFault, instead } from "./fault.ts";

export const preemptedForgotten = defineFault({
  name: "preempted-forgotten",
  mistake: "A preempted request does not get back into the queue.",
  class: "C16",
  resembles: {
    title: "TensorRT-LLM: requests that are lost while the server says it is healthy",
    url: "https://github.com/NVIDIA/TensorRT-LLM/pull/14565",
  },
  trigger: "more tokens in running requests than the pool holds",
  symptom: "a request never ends",
  breaks: "settles",
  topologies: ["single", "pd"],
  shows: ["unsettled request"],
  heals: ["serialised"],
  plant({ workers }) {
    for (const { scheduler } of workers)
      instead(scheduler, "preempt", (preempt) => () => {
        const sequence = preempt();
        scheduler.waiting.shift();
        return sequence;
      });
  },
});
