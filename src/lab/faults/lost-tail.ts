import { defineFault } from "./fault.ts";

export const lostTail = defineFault({
  name: "lost-tail",
  mistake: "When the last row moves into a removed row's place, the count of tokens left stays behind.",
  class: "C7",
  resembles: {
    title: "mlx-lm: batch filtering leaves per-row state misaligned",
    url: "https://github.com/ml-explore/mlx-lm/issues/965",
  },
  trigger: "a row removed from the middle while others run",
  symptom: "a right answer that ends too early",
  breaks: "same-prompt-same-output",
  topologies: ["single", "pd"],
  shows: ["lost tail"],
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { rows } of workers) rows.moveTokensLeft = () => {};
  },
});
