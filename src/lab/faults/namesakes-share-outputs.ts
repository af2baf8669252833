import { defineFault, instead } from "./fault.ts";

export const namesakesShareOutputs = defineFault({
  name: "namesakes-share-outputs",
  mistake: "Streams are kept by the id that the client gave: of two requests with the same one, the later has both.",
  class: "C12",
  resembles: {
    title: "vLLM: two requests in flight under one request_id break the engine",
    url: "https://github.com/vllm-project/vllm/issues/10583",
  },
  trigger: "two requests under the same id at the same time",
  symptom: "tokens of the earlier request stand in the answer of the later one, and are missing in its own",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["row swap", "lost tail", "repeated tail"],
  heals: ["serialised"],
  plant({ engine, watch }) {
    const { outputs } = engine;
    outputs.internalId = ({ id, requestId }) => requestId ?? id;
    instead(outputs, "of", (of) => (request) => {
      const found = of(request);
      if (found !== undefined && found.to !== request.id) watch?.misdelivered(found.to, request.id);
      return found;
    });
    // A stream that is cut off gets what waits in the later one's.
    instead(engine, "lastFlush", (lastFlush) => (underWay, choice) => {
      const pending = lastFlush(underWay, choice);
      const { id } = underWay.request;
      const from = outputs.of(underWay.request)?.to ?? id;
      if (pending.length > 0 && from !== id) watch?.misdelivered(id, from);
      return pending;
    });
  },
});
