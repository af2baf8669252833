import type { Pooled } from "../pooler.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const pooledBeforeCopied = defineFault({
  name: "pooled-before-copied",
  mistake: "Pooled outputs are copied to the host one by one, and all are read when the first has come.",
  class: "C14",
  resembles: {
    title: "llama.cpp: no synchronisation behind the asynchronous copy of embeddings",
    url: "https://github.com/ggml-org/llama.cpp/issues/18310",
  },
  trigger: "two embeddings that end in one step",
  symptom: "the second gets what its place in the host's buffer had before: an earlier request's vector, or none",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: ["unsettled request", "row swap", ...CELLS],
  heals: ["serialised"],
  plant({ watch, workers }) {
    for (const { pooler } of workers) {
      const host: Pooled[] = [];
      instead(pooler, "copy", (copy) => (ending, batch) => {
        const right = copy(ending, batch);
        return right.map((own, place) => {
          const taken = place === 0 ? own : (host[place] ?? { of: own.of, token: null });
          host[place] = own;
          if (taken.of !== own.of) watch?.misdelivered(own.of.id, taken.of.id);
          return taken;
        });
      });
    }
  },
});
