import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const rejectedCountRowLeft = defineFault({
  name: "rejected-count-row-left",
  mistake:
    "When the last row moves into a removed row's place, its count of rejected drafts stays behind: the removed one's is taken back from its slots.",
  class: "C8",
  resembles: {
    title: "vLLM: counts of accepted tokens are copied in the order of rows before they were permuted",
    url: "https://github.com/SergiioB/intel-arc-pro-b70-inference-cookbook/pull/13",
  },
  trigger: "a row removed from the middle in a step in which it and the last row had other numbers of drafts rejected",
  symptom: "the moved request's next cells are written beside their places, and rejected drafts are read in them",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  settings: { draftTokens: 3 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const worker of workers) {
      const { rows } = worker;
      const rejectedOf = new Map<Sequence, number>();
      const shiftOf = new Map<Sequence, number>();
      instead(worker, "takeBack", (takeBack) => (sequence, rejected) => {
        takeBack(sequence, rejected);
        rejectedOf.set(sequence, rejected);
        shiftOf.delete(sequence);
      });
      instead(rows, "moveTable", (moveTable) => (from, to) => {
        const [moved, removed] = [rows.sequences[to]!, rows.samplers[to]!];
        shiftOf.set(moved, (rejectedOf.get(moved) ?? 0) - (rejectedOf.get(removed) ?? 0));
        moveTable(from, to);
      });
      instead(rows, "slots", (slots) => (row, length) => {
        const { computed, promptLength } = rows.sequences[row]!;
        const shift = shiftOf.get(rows.sequences[row]!) ?? 0;
        if (shift === 0 || computed < promptLength) return slots(row, length);
        const right = slots(row, length + Math.max(0, shift));
        return right.slice(0, length).map((slot, position) => (position < computed ? slot : right[position + shift]!));
      });
    }
  },
});
