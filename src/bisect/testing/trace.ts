import { validateTrace } from "../../trace/read.ts";

/**
 * The second request takes the first one's blocks from the cache. Where that is counted one block too long
 * (`count-one-block-over` in the lab), it reads a block that nobody has computed.
 */
export const HIT_TRACE = validateTrace({
  crosstalk: "crosstalk-trace/1",
  name: "hit",
  segments: { A: { seed: 1, family: 21, length: 40 }, B: { seed: 2, family: 42, length: 40 } },
  steps: [
    { at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 2 },
    { at: 0, wait: "r1" },
    { at: 0, send: "r2", prompt: [{ seg: "A" }, { seg: "B" }, { read: "narrow", back: 48 }], maxTokens: 24 },
  ],
});
