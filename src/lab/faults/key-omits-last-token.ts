import { CELLS, defineFault, instead } from "./fault.ts";

export const keyOmitsLastToken = defineFault({
  name: "key-omits-last-token",
  mistake: "The key of a cached block leaves out the block's last token.",
  class: "C4",
  resembles: {
    title: "vLLM: a session that is rebuilt keeps stale block hashes",
    url: "https://github.com/vllm-project/vllm/issues/49449",
  },
  trigger: "two prompts that part at the last token of a block",
  symptom: "one cell of the prefix is the other prompt's",
  breaks: "own-cells-only",
  topologies: ["single", "pd"],
  shows: ["phantom hit", ...CELLS],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(kv, "blockKey", (blockKey) => (parent, tokens) => blockKey(parent, tokens.slice(0, -1)));
  },
});
