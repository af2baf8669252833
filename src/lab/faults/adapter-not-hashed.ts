import { defineFault, instead } from "./fault.ts";

export const adapterNotHashed = defineFault({
  name: "adapter-not-hashed",
  mistake: "The key of a cached block leaves out the adapter that computed it.",
  class: "C4",
  resembles: {
    title: "SGLang HiCache: L3 storage hashes ignored extra_key, cache_salt and LoRA",
    url: "https://github.com/sgl-project/sglang/pull/38577",
  },
  trigger: "a prefix that requests of two adapters have in common",
  symptom: "the second one reads cells that the first one's adapter computed, until a flush",
  breaks: "own-cells-only",
  adapters: "some",
  topologies: ["single", "pd"],
  shows: ["adapter mix-up", "phantom hit"],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(
        kv,
        "keyRoot",
        (keyRoot) =>
          ({ salt }) =>
            keyRoot({ adapter: null, salt }),
      );
  },
});
