import { CELLS, defineFault, instead } from "./fault.ts";

export const logitsByFixedStride = defineFault({
  name: "logits-by-fixed-stride",
  mistake: "Every request's logits are looked for as if all had as many drafts as the one that has the most.",
  class: "C13",
  resembles: {
    title: "llama.cpp: places of drafts' logits that no longer fit the batch",
    url: "https://github.com/unslothai/llama.cpp/pull/182",
  },
  trigger: "a step that verifies drafts of one request and computes others with fewer",
  symptom: "requests get their neighbours' tokens for one step",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { draftTokens: 3 },
  shows: ["row swap", ...CELLS],
  heals: ["serialised", "no-cache"],
  plant({ watch, workers }) {
    for (const worker of workers)
      instead(worker, "answers", (answers) => (batch) => {
        const right = answers(batch);
        const stride = Math.max(0, ...right.map(({ length }) => length));
        const flat = right.flatMap((tokens, i) => tokens.map((token) => ({ token, of: batch[i]!.sequence })));
        return right.map((tokens, i) =>
          tokens.map((_, draft) => {
            const { token, of } = flat[Math.min(i * stride + draft, flat.length - 1)]!;
            const { sequence } = batch[i]!;
            if (of !== sequence) watch?.misdelivered(sequence.id, of.id);
            return token;
          }),
        );
      });
  },
});
