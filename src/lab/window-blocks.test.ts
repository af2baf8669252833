import { expect, test } from "vitest";
import { limitsOf } from "../generate/limits.ts";
import { validateTrace } from "../trace/read.ts";
import { isSend, TRACE_VERSION } from "../trace/schema.ts";
import { tracerShape } from "../tracer/shape.ts";
import { NULL_BLOCK } from "./block-pool.ts";
import { VirtualClock } from "./clock.ts";
import { labConfig } from "./config.ts";
import type { LabParts } from "./faults/fault.ts";
import { labFault } from "./faults/index.ts";
import { checkBookkeeping } from "./invariants.ts";
import { KvCache } from "./kv-cache.ts";
import { Sequence } from "./sequence.ts";
import { labTarget } from "./target.ts";
import { mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace } from "./testing/random-trace.ts";

/** A pool with layers whose tokens see 32 cells: their own, and at most 31 before it. */
function pool(blocks: number): KvCache {
  const config = labConfig({ window: 32 });
  return new KvCache(config, { blocks, hostBlocks: 0, reuse: true }, new VirtualClock(), () => {});
}

const ofLength = (length: number) => new Sequence("r", new Array<number>(length).fill(600), length + 32, true);

/** Computes the first `tokens` tokens of a sequence in one chunk. */
function compute(kv: KvCache, sequence: Sequence, tokens: number): void {
  expect(sequence.blocks.length === 0 ? kv.admit(sequence, tokens) : kv.grow(sequence, tokens)).toBe(true);
  sequence.computed = tokens;
  kv.publish(sequence);
  checkBookkeeping(kv, [sequence]);
}

test("a block is given back when its last cell has left the window, and not before", () => {
  const kv = pool(20);
  const sequence = ofLength(80);
  compute(kv, sequence, 46);
  const [first] = sequence.windowBlocks;
  // The token at position 46 sees from position 15 on.
  kv.grow(sequence, 47);
  expect(sequence.windowBlocks[0]).toBe(first);
  compute(kv, sequence, 47);
  const free = kv.pool.free;
  kv.grow(sequence, 48);
  expect([sequence.windowBlocks[0], kv.pool.free, kv.pool.references(first!)]).toEqual([NULL_BLOCK, free + 1, 0]);
  expect(kv.prefixes.holds(first!)).toBe(true);
  checkBookkeeping(kv, [sequence]);
});

test("a prefix is hit as far as the window before its end is there, without the blocks before that", () => {
  const kv = pool(12);
  const before = ofLength(64);
  compute(kv, before, 64);
  const [first, second, third, fourth] = before.windowBlocks;
  kv.retire(before);
  const prefix = kv.prefix(before, 4);
  expect(kv.window!.find(prefix, 4)).toEqual([NULL_BLOCK, NULL_BLOCK, third, fourth]);
  expect(kv.window!.find(prefix, 3)).toEqual([NULL_BLOCK, second, third]);
  // Eight blocks are cached and four are blank: the fifth evicts the last block of the window.
  kv.take(5);
  expect(kv.window!.find(prefix, 4)).toEqual([NULL_BLOCK, second, third]);
  kv.take(1);
  expect(kv.window!.find(prefix, 4)).toEqual([first, second]);
  kv.prefixes.clear();
  expect(kv.window!.find(prefix, 4)).toEqual([]);
});

test("both tables are taken together or not at all", () => {
  const kv = pool(5);
  expect(kv.admit(ofLength(48), 48)).toBe(false);
  expect(kv.pool.free).toBe(5);
  const sequence = ofLength(32);
  expect(kv.admit(sequence, 32)).toBe(true);
  expect([sequence.blocks.length, sequence.windowBlocks.length, kv.pool.free]).toEqual([2, 2, 1]);
  expect(kv.grow(sequence, 33)).toBe(false);
  kv.retire(sequence);
  expect(kv.pool.free).toBe(5);
});

test("the window is the model's, and generated traces keep within it", async () => {
  const { written } = await labTarget({ window: 64, model: "symbols" }).start();
  expect(written.shape).toEqual(tracerShape({ window: 64 }));
  expect(labConfig({ shape: tracerShape({ window: 40 }) }).window).toBe(40);
  const description = await labTarget({ fault: "window-hit-not-whole", model: "symbols" }).start();
  expect(limitsOf(description).window).toBe(128);
  expect(description.options).not.toContain("session");
});

test.each([
  [{ window: 8 }, "a window of 8"],
  [{ window: 64, topology: "pd" }, "the lab has no sliding window with topology pd"],
  [{ window: 64, preset: "sglang" }, "the lab has no sliding window with a radix tree and a host tier"],
  [{ window: 64, swapBlocks: 4 }, "the lab has no sliding window with a swap space"],
  [{ window: 64, poolBlocks: 64 }, "cannot hold one context of 1024 tokens and 160 cells of layers with a window"],
  [{ window: 64, slots: 8 }, "no sliding window with slots"],
  [{ window: 64, movesPerStep: 4 }, "no sliding window with moves"],
] as const)("options %j are refused: %s", (options, message) => {
  expect(() => labConfig(options)).toThrow(message);
});

test("a turn of a session is refused", async () => {
  const trace = randomTrace(1, { requests: 1, cancels: 0 });
  const steps = trace.steps.map((step) => (isSend(step) ? { ...step, session: "c1" } : step));
  await expect(runOnLab({ ...trace, steps }, { window: 64 })).rejects.toThrow("no sessions beside a sliding window");
});

/** A request whose context is longer than a window of 64 cells, and then the same once more. */
const TWICE = validateTrace({
  crosstalk: TRACE_VERSION,
  name: "twice",
  segments: { S: { seed: 1, family: 5, length: 200 } },
  steps: ["once", "again"].map((send, i) => ({
    at: 500 * i,
    send,
    prompt: [{ seg: "S" }, { read: "narrow", back: 50 }],
    maxTokens: 20,
  })),
});

test("a lab that checks itself notices the read of a block that was given back, be it whole as yet", async () => {
  expect(mistakes(await runOnLab(TWICE, { fault: "window-freed-too-early" }))).toEqual([]);
  await expect(runOnLab(TWICE, { fault: "window-freed-too-early", checked: true })).rejects.toThrow("nobody holds");
});

test("a lab that checks itself notices the read of the null block", async () => {
  const fault = {
    ...labFault("window-hit-not-whole")!,
    plant: ({ workers }: LabParts) => {
      workers[0]!.kv.window!.find = (_, most) => new Array<number>(most).fill(NULL_BLOCK);
    },
  };
  await expect(runOnLab(TWICE, { fault, checked: true })).rejects.toThrow("again reads position");
  expect(mistakes(await runOnLab(TWICE, { window: 64, checked: true }))).toEqual([]);
});
