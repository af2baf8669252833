import { CELLS, defineFault, instead } from "./fault.ts";

export const movedWhileSent = defineFault({
  name: "moved-while-sent",
  mistake:
    "Blocks are moved while a transfer is still to read them: their books follow, the writes that are posted do not.",
  class: "C11",
  resembles: {
    title: "SGLang: compaction moves pages while disaggregated transfers forbid it",
    url: "https://github.com/sgl-project/sglang/pull/39982",
  },
  trigger: "a prompt whose blocks are moved while they are sent, and another that is computed into their old places",
  symptom: "the decode side gets cells of the other prompt",
  breaks: "own-cells-only",
  topologies: ["pd"],
  settings: { movesPerStep: 4 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ engine, workers }) {
    /** What each posted write holds, by the blocks that it reads. */
    const held = new Map<readonly number[], { readonly blocks: number[] }>();
    for (const { compaction } of workers) {
      if (compaction === null) continue;
      const isSent = (block: number) => [...held.values()].some(({ blocks }) => blocks.includes(block));
      instead(compaction, "isMovable", (isMovable) => (block) => isMovable(block) || isSent(block));
      instead(compaction, "compact", (compact) => (holders) => compact([...holders, ...held.values()]));
    }
    instead(engine, "newTransfer", (newTransfer) => (options) => {
      const transfer = newTransfer(options);
      instead(transfer, "holdSource", (holdSource) => (read) => {
        const blocks = [...read];
        held.set(read, { blocks });
        holdSource(blocks);
      });
      instead(transfer, "releaseSource", (releaseSource) => (read) => {
        releaseSource(held.get(read)!.blocks);
        held.delete(read);
      });
      return transfer;
    });
  },
});
