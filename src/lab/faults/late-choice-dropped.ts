import { defineFault, instead } from "./fault.ts";

export const lateChoiceDropped = defineFault({
  name: "late-choice-dropped",
  mistake: "Of several choices, one that has no token yet when the first one ends is left out of the answer.",
  class: "C12",
  resembles: {
    title: "vLLM: choices are silently dropped when n > 1",
    url: "https://github.com/vllm-project/vllm/issues/52398",
  },
  trigger: "several choices of which one waits for a row until the first has ended, or of one token each",
  symptom: "a choice without a token",
  breaks: "same-prompt-same-output",
  topologies: ["single"],
  shows: ["lost tail"],
  heals: ["serialised"],
  plant({ engine }) {
    instead(engine, "generated", (generated) => (sequence, token) => {
      const { choice, id, limit, promptLength } = sequence;
      const own = engine.streamed(sequence);
      const first = engine.streamed({ id, choice: 0 });
      if (choice > 0 && own?.length === 0 && first?.length === limit - promptLength) return;
      generated(sequence, token);
    });
  },
});
