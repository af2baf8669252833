import { cachesWithHost, defineFault, instead } from "./fault.ts";

export const hostKeyOmitsSalt = defineFault({
  name: "host-key-omits-salt",
  mistake:
    "The host tier makes keys of its own for its blocks, and leaves out the cache salt that the pool's keys have.",
  class: "C18",
  resembles: {
    title: "SGLang: HiCache's storage keys are hashed over tokens alone, without the request's cache salt",
    url: "https://github.com/sgl-project/sglang/issues/26747",
  },
  trigger: "a prefix that was evicted to the host, asked for under another salt",
  symptom: "right answers, and tokens loaded from the host under a salt that nobody used for that prefix before",
  breaks: "earned-hits",
  topologies: ["single", "pd"],
  shows: ["phantom hit"],
  heals: ["no-cache"],
  plant(lab) {
    for (const { kv, host } of cachesWithHost(lab)) {
      const { blockSize } = kv;
      /** By the pool's keys. */
      const hostKeys = new Map<string, string>();
      const hostKey = (key: string) => hostKeys.get(key) ?? key;
      instead(kv, "keys", (keys) => (sequence, count) => {
        const salted = keys(sequence, count);
        let parent = kv.keyRoot({ adapter: sequence.adapter, salt: null });
        for (const [i, key] of salted.entries()) {
          const tokens = () => sequence.tokens.slice(i * blockSize, (i + 1) * blockSize);
          parent = hostKeys.get(key) ?? kv.blockKey(parent, tokens());
          hostKeys.set(key, parent);
        }
        return salted;
      });
      instead(
        host,
        "begin",
        (begin) =>
          ({ key, block }) =>
            begin({ key: hostKey(key), block }),
      );
      instead(host, "find", (find) => (keys) => find(keys.map(hostKey)));
    }
  },
});
