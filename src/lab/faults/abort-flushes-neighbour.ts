import { defineFault, instead } from "./fault.ts";

export const abortFlushesNeighbour = defineFault({
  name: "abort-flushes-neighbour",
  mistake: "The last flush of an aborted stream takes its tokens from the next row.",
  class: "C7",
  resembles: {
    title: "SGLang: detokenizer state kept per request id after it ended",
    url: "https://github.com/sgl-project/sglang/pull/12205",
  },
  trigger: "a cancel while tokens wait to be streamed and another request runs",
  symptom: "the cancelled stream ends with another request's tokens",
  breaks: "cancelled-prefix",
  topologies: ["single", "pd"],
  shows: ["row swap"],
  heals: ["no-cancels"],
  plant({ engine, watch, workers }) {
    const rows = workers.at(-1)!.rows;
    instead(engine, "lastFlush", (lastFlush) => (request, choice) => {
      const pending = lastFlush(request, choice);
      const row = request.decode ?? request.sequences[choice];
      if (pending.length === 0 || row === undefined || rows.rowOf(row) === -1) return pending;
      const neighbour = rows.neighbour(row);
      watch?.misdelivered(row.id, neighbour.id);
      return engine.streamed(neighbour)?.slice(-pending.length) ?? pending;
    });
  },
});
