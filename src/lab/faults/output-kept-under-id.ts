import { defineFault, instead } from "./fault.ts";

export const outputKeptUnderId = defineFault({
  name: "output-kept-under-id",
  mistake:
    "When a request is aborted, what was not streamed yet stays under the id that the client gave it, for whoever has it next.",
  class: "C12",
  resembles: {
    title: "SGLang: detokenizer state kept per request id after it ended",
    url: "https://github.com/sgl-project/sglang/pull/12205",
  },
  trigger: "a cancel while tokens wait to be streamed, then a request under the same id",
  symptom: "the later answer begins with tokens of the cancelled one",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["row swap"],
  heals: ["no-cancels"],
  plant({ engine, watch }) {
    const kept = new Map<string, { readonly from: string; readonly tokens: readonly number[] }>();
    instead(engine, "lastFlush", (lastFlush) => (underWay, choice) => {
      const tokens = lastFlush(underWay, choice);
      const { id, requestId } = underWay.request;
      if (requestId == null || choice > 0) return tokens;
      if (tokens.length > 0) kept.set(requestId, { from: id, tokens });
      return [];
    });
    instead(engine, "generated", (generated) => (sequence, token) => {
      const { choice, id, requestId } = sequence;
      const before = requestId === null || choice > 0 ? undefined : kept.get(requestId);
      if (before !== undefined && engine.streamed(sequence)?.length === 0) {
        kept.delete(requestId!);
        watch?.misdelivered(id, before.from);
        for (const left of before.tokens) generated(sequence, left);
      }
      generated(sequence, token);
    });
  },
});
