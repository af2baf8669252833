import type { GrammarMatcher } from "../grammar.ts";
import { defineFault, instead } from "./fault.ts";

export const grammarStateShared = defineFault({
  name: "grammar-state-shared",
  mistake:
    "Compiled grammars are cached together with their state: requests with the same grammar move it on together.",
  class: "C7",
  resembles: {
    title: "vLLM: cached logits processors share the state of their grammar between requests",
    url: "https://github.com/vllm-project/vllm/pull/4109",
  },
  trigger: "two requests with the same grammar, at once or one after the other",
  symptom: "an answer with gaps, which then ends in end tokens; or one that has nothing else",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["leaked parameter"],
  heals: [],
  plant({ watch, workers }) {
    for (const worker of workers) {
      const cached = new Map<string, { readonly grammar: GrammarMatcher; readonly ids: string[] }>();
      instead(worker, "submit", (submit) => (sequence) => {
        if (sequence.grammar !== null) {
          const key = JSON.stringify(sequence.grammar.sentences);
          const { grammar, ids } = cached.get(key) ?? { grammar: sequence.grammar, ids: [] };
          cached.set(key, { grammar, ids });
          ids.push(sequence.id);
          sequence.grammar = grammar;
          if (ids.length > 1) for (const id of ids) watch?.missampled(id, id);
        }
        submit(sequence);
      });
    }
  },
});
