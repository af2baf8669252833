import { CELLS, defineFault, instead } from "./fault.ts";

export const movesMergedIntoRun = defineFault({
  name: "moves-merged-into-run",
  mistake: "Moves to places that follow each other are copied as one run, although the blocks that are moved do not.",
  class: "C11",
  resembles: {
    title: "llama.cpp: bugs of the moves that defragmentation makes",
    url: "https://github.com/ggml-org/llama.cpp/pull/5735",
  },
  trigger: "two free places side by side, and blocks of running requests behind them",
  symptom: "a request goes on with cells of whatever lay behind the block that was moved first",
  breaks: "own-cells-only",
  topologies: ["single"],
  settings: { movesPerStep: 4 },
  shows: CELLS,
  heals: ["serialised", "no-cache"],
  plant({ workers }) {
    for (const { compaction, kv } of workers) {
      if (compaction === null) continue;
      instead(compaction, "copy", (copy) => (moves) => {
        let run = { from: 0, to: 0 };
        copy(
          moves.map((move, i) => {
            if (i === 0 || move.to !== moves[i - 1]!.to + 1) run = move;
            return { from: Math.min(run.from + move.to - run.to, kv.pool.count), to: move.to };
          }),
        );
      });
    }
  },
});
