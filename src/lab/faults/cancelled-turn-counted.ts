import { CELLS, defineFault, instead } from "./fault.ts";

export const cancelledTurnCounted = defineFault({
  name: "cancelled-turn-counted",
  mistake: "Of a turn that is aborted in the middle of its prompt, the session takes the whole prompt for computed.",
  class: "C6",
  resembles: {
    title: "SGLang: an abort saves inflated lengths in its streaming session",
    url: "https://github.com/sgl-project/sglang/pull/22790",
  },
  trigger: "a cancel between two chunks of a prompt, then the next turn of the session",
  symptom: "the next turn reads what its blocks held before",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: CELLS,
  heals: ["no-cancels"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv.sessions, "computed", (computed) => (sequence) => {
        const { blocks, promptLength } = sequence;
        const cutOff = blocks.length > 0 && sequence.computed < promptLength;
        return cutOff && kv.grow(sequence, promptLength) ? promptLength : computed(sequence);
      });
  },
});
