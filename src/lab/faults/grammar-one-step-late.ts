import type { Bitmask } from "../batch-rows.ts";
import type { Sequence } from "../sequence.ts";
import { defineFault, instead } from "./fault.ts";

export const grammarOneStepLate = defineFault({
  name: "grammar-one-step-late",
  mistake:
    "A step that was planned ahead begins when the first grammar of the batch has taken in its token: the others' bitmasks are those of the step before.",
  class: "C7",
  resembles: {
    title:
      "xgrammar in SGLang and vLLM: garbage under concurrent grammars, whose masks were updated beside the next step",
    url: "https://github.com/mlc-ai/xgrammar/issues/460",
  },
  trigger: "two requests with grammars in one step, each step planned while the one before it is computed",
  symptom: "the second's answer repeats a token, and is one behind from then on",
  breaks: "own-parameters",
  topologies: ["single", "pd"],
  settings: { asyncScheduling: true },
  shows: ["leaked parameter"],
  heals: [],
  plant({ watch, workers }) {
    for (const worker of workers) {
      const { rows } = worker;
      const before = new Map<Sequence, Bitmask>();
      instead(worker, "fillBitmasks", (fillBitmasks) => (drawing) => {
        fillBitmasks(drawing);
        const held = drawing.map(({ sequence }) => sequence).filter(({ grammar }) => grammar !== null);
        for (const [i, sequence] of held.entries()) {
          const row = rows.rowOf(sequence);
          const late = before.get(sequence);
          before.set(sequence, rows.bitmasks[row]!);
          if (i === 0 || late === undefined) continue;
          watch?.missampled(sequence.id, sequence.id);
          rows.setBitmask(row, late);
        }
      });
    }
  },
});
