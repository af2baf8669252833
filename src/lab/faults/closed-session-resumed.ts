import type { LastTurn } from "../session.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const closedSessionResumed = defineFault({
  name: "closed-session-resumed",
  mistake:
    "A session that gives way to others gives its blocks back, and still names them: its next turn takes them again.",
  class: "C2",
  resembles: {
    title: "SGLang: streaming sessions whose cells are freed while they are still in use",
    url: "https://github.com/sgl-project/sglang/pull/21875",
  },
  trigger:
    "more tokens in running requests and sessions than the pool holds, then the next turn of a session that was closed",
  symptom: "the turn reads the cells of another request",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      const { sessions } = kv;
      const closed = new Map<string, LastTurn>();
      instead(sessions, "closeOldest", (closeOldest) => () => {
        const before = [...sessions.turns];
        const gave = closeOldest();
        for (const [name, turn] of before) if (!sessions.turns.has(name)) closed.set(name, turn);
        return gave;
      });
      instead(sessions, "usable", (usable) => (sequence) => {
        const name = sessions.nameOf(sequence);
        const turn = name === null || sessions.turns.has(name) ? undefined : closed.get(name);
        if (turn !== undefined) {
          closed.delete(name!);
          kv.pool.hold(turn.blocks);
          sessions.turns.set(name!, turn);
        }
        return usable(sequence);
      });
    }
  },
});
