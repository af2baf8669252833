import { defineFault, instead } from "./fault.ts";

export const grammarRolledBackTooFar = defineFault({
  name: "grammar-rolled-back-too-far",
  mistake:
    "Grammars go ahead with drafts and are rolled back, each by the drafts of those before it in the batch too: the count is not set back.",
  class: "C8",
  resembles: {
    title: "vLLM: a grammar stays behind the tokens of its request under speculative decoding",
    url: "https://github.com/vllm-project/vllm/pull/48516",
  },
  trigger: "two requests with grammars in a step that verifies drafts of the first",
  symptom: "the second's grammar is some tokens late from then on, and its answer repeats itself",
  breaks: "own-parameters",
  topologies: ["single", "pd"],
  settings: { draftTokens: 3 },
  shows: ["leaked parameter"],
  heals: [],
  plant({ watch, workers }) {
    for (const worker of workers) {
      let count = 0;
      instead(worker, "fillBitmasks", (fillBitmasks) => (drawing) => {
        count = 0;
        fillBitmasks(drawing);
      });
      instead(worker, "rollBack", (rollBack) => (sequence, drafts) => {
        count += drafts;
        if (count > drafts) watch?.missampled(sequence.id, sequence.id);
        rollBack(sequence, Math.min(count, sequence.grammar!.length));
      });
    }
  },
});
