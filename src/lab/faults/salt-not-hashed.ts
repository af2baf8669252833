import { defineFault, instead } from "./fault.ts";

export const saltNotHashed = defineFault({
  name: "salt-not-hashed",
  mistake: "The key of a cached block leaves out the cache salt of its request.",
  class: "C4",
  resembles: {
    title: "vLLM: a block's hash without the salt of its request",
    url: "https://github.com/vllm-project/vllm/pull/51640",
  },
  trigger: "a prefix that requests of two salts have in common",
  symptom:
    "right answers, and tokens from the cache under a salt that nobody used before: one tenant learns what another asked",
  breaks: "earned-hits",
  topologies: ["single", "pd"],
  shows: ["phantom hit"],
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers)
      instead(
        kv,
        "keyRoot",
        (keyRoot) =>
          ({ adapter }) =>
            keyRoot({ adapter, salt: null }),
      );
  },
});
