import type { LastTurn } from "../session.ts";
import { CELLS, cachesWithSlots, defineFault, instead } from "./fault.ts";

export const purgeTakesChosenSlot = defineFault({
  name: "purge-takes-chosen-slot",
  mistake: "Where the pool is full idle slots give way, the one that a request has just been given too.",
  class: "C10",
  resembles: {
    title: "llama.cpp: with a unified cache the look for room cancels the task that it is done for",
    url: "https://github.com/ggml-org/llama.cpp/issues/23493",
  },
  trigger: "a prompt that goes on from the slot that is idle longest, while slots and requests fill the pool",
  symptom: "the request gets cells that it goes on from again, for its next tokens",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { poolBlocks: 64, slots: 4, maxRunning: 4 },
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant(lab) {
    for (const { slots } of cachesWithSlots(lab)) {
      const { turns } = slots;
      instead(slots, "rewind", (rewind) => (sequence) => {
        const idleLongest = [...turns.keys()][0] === sequence.slot;
        const chosen = rewind(sequence);
        // It is idle still, and as long as before.
        for (const [slot, turn] of idleLongest ? [...turns] : []) if (turn !== chosen) renew(slot, turn);
        return chosen;
      });
      const renew = (slot: string, turn: LastTurn) => turns.delete(slot) && turns.set(slot, turn);
      slots.spare = (_, take) => take();
    }
  },
});
