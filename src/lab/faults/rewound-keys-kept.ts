import type { Sequence } from "../sequence.ts";
import { CELLS, defineFault, instead } from "./fault.ts";

export const rewoundKeysKept = defineFault({
  name: "rewound-keys-kept",
  mistake:
    "A session that is rewound keeps the keys of the last turn's blocks, and publishes under them what the next turn puts there.",
  class: "C5",
  resembles: {
    title: "vLLM: a session that is rebuilt keeps stale block hashes",
    url: "https://github.com/vllm-project/vllm/issues/49449",
  },
  trigger:
    "a turn that parts from the one before in a block whose key is known, then a request that goes on from the old one",
  symptom: "a hit on cells of other tokens",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: CELLS,
  heals: ["no-cache"],
  plant({ workers }) {
    for (const { kv } of workers) {
      const { sessions } = kv;
      /** By session. A key is made when a block's last token is known, and not when it is computed. */
      const known = new Map<string, readonly string[]>();
      const kept = new WeakMap<Sequence, readonly string[]>();
      let publishing = false;
      instead(sessions, "keep", (keep) => (sequence) => {
        const name = sessions.nameOf(sequence);
        if (name !== null) known.set(name, kv.keys(sequence, Number.POSITIVE_INFINITY));
        keep(sequence);
      });
      instead(sessions, "rewind", (rewind) => (sequence) => {
        kept.set(sequence, known.get(sessions.nameOf(sequence)!) ?? []);
        return rewind(sequence);
      });
      instead(kv, "publishBlocks", (publishBlocks) => (sequence, count) => {
        publishing = true;
        publishBlocks(sequence, count);
        publishing = false;
      });
      instead(kv, "keys", (keys) => (sequence, count) => {
        const own = keys(sequence, count);
        return publishing ? own.map((key, i) => kept.get(sequence)?.[i] ?? key) : own;
      });
    }
  },
});
