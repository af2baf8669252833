import { describe, expect, test } from "vitest";
import { formatHistory } from "../history/jsonl.ts";
import type { CellStore } from "../tracer/cells.ts";
import { narrowRead } from "../tracer/read-tokens.ts";
import { SIGHTINGS } from "../tracer/shape.ts";
import { payloadRun } from "../tracer/vocabulary.ts";
import { VirtualClock } from "./clock.ts";
import { type LabOptions, labConfig } from "./config.ts";
import { LabEngine } from "./engine.ts";
import { Fork } from "./fork.ts";
import { KvCache } from "./kv-cache.ts";
import { Sequence } from "./sequence.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace, withChoices } from "./testing/random-trace.ts";

const SIZE = 16;
const PROMPT = [...payloadRun(1, 9, 40), ...narrowRead(40)];
const seen = new Float64Array(SIGHTINGS);

const pool = (blocks: number) =>
  new KvCache(labConfig(), { blocks, hostBlocks: 0, reuse: true }, new VirtualClock(), () => {});
const choiceOf = (prompt: readonly number[], choice: number) =>
  new Sequence("r", prompt, prompt.length + 8, true, {}, choice);

/** A sequence whose prompt is computed, of token 500 + position. */
function computed(kv: KvCache, length: number): Sequence {
  const parent = choiceOf(new Array<number>(length).fill(600), 0);
  expect(kv.admit(parent, length)).toBe(true);
  for (let layer = 0; layer < kv.cells.layers; layer++)
    for (let position = 0; position < length; position++) {
      const token = 500 + position;
      const cell = { position, token, stored: token, seen, seenAt: 0, marks: null, lost: 0, question: null };
      kv.cells.write(layer, slotOf(parent, position), cell);
    }
  parent.computed = length;
  return parent;
}

const slotOf = ({ blocks }: Sequence, position: number) =>
  blocks[Math.floor(position / SIZE)]! * SIZE + (position % SIZE);
const tokenAt = (cells: CellStore, layer: number, slot: number) => cells.planes[layer]![0]!.valueToken[slot];

describe("a fork", () => {
  test("shares full blocks, and has a copy of the one that is not", () => {
    const kv = pool(8);
    const parent = computed(kv, 40);
    const choice = choiceOf(parent.tokens, 1);
    new Fork(kv).fork(parent, choice);
    expect(choice.blocks.slice(0, 2)).toEqual(parent.blocks.slice(0, 2));
    expect(choice.blocks[2]).not.toBe(parent.blocks[2]);
    expect(parent.blocks.map((block) => kv.pool.references(block))).toEqual([2, 2, 1]);
    // All but the last token, which it computes by itself.
    expect([choice.computed, choice.pending]).toEqual([39, 1]);
    for (const layer of [0, kv.cells.layers - 1]) expect(tokenAt(kv.cells, layer, slotOf(choice, 38))).toBe(538);
    kv.retire(parent);
    expect(choice.blocks.map((block) => kv.pool.references(block))).toEqual([1, 1, 1]);
  });

  test("copies nothing where the last token is alone in its block", () => {
    const kv = pool(8);
    const parent = computed(kv, 33);
    const choice = choiceOf(parent.tokens, 1);
    new Fork(kv).fork(parent, choice);
    expect(choice.blocks).toEqual(parent.blocks.slice(0, 2));
  });

  test("takes nothing where the pool is full", () => {
    const kv = pool(3);
    const parent = computed(kv, 40);
    const choice = choiceOf(parent.tokens, 1);
    new Fork(kv).fork(parent, choice);
    expect([choice.blocks, choice.computed]).toEqual([[], 0]);
    expect(parent.blocks.map((block) => kv.pool.references(block))).toEqual([1, 1, 1]);
  });
});

test("a request with choices computes its prompt once, and ends with the last of them", () => {
  const engine = new LabEngine({ checked: true });
  engine.submit({ id: "r", prompt: PROMPT, maxTokens: 5, cache: true, n: 3 });
  const events = engine.advanceTo(1_000_000);
  const tokens = [undefined, 1, 2].map((choice) =>
    events.flatMap((event) => (event.e === "tokens" && event.choice === choice ? event.ids : [])),
  );
  expect(tokens).toEqual(Array.from({ length: 3 }, () => PROMPT.slice(0, 5)));
  expect(events.filter(({ e }) => e === "finished")).toEqual([events.at(-1)]);
  expect(engine.counters).toMatchObject({ promptTokens: 43, generatedTokens: 15 });
  expect([engine.load, engine.blocks.held]).toEqual([{ running: 0, waiting: 0 }, 0]);
});

test("a cancel takes all choices back", () => {
  const engine = new LabEngine({ checked: true });
  engine.submit({ id: "r", prompt: PROMPT, maxTokens: 30, cache: true, n: 4 });
  engine.advanceTo(12_000);
  expect(engine.load.running).toBe(4);
  engine.cancel("r");
  expect(engine.advanceTo(1_000_000).filter(({ t }) => t > 12_000)).toEqual([]);
  expect([engine.load, engine.blocks.held]).toEqual([{ running: 0, waiting: 0 }, 0]);
});

test("where prefill and decode are apart there is one choice", async () => {
  const engine = new LabEngine({ topology: "pd" });
  engine.submit({ id: "r", prompt: PROMPT, maxTokens: 5, cache: true, n: 2 });
  expect(engine.advanceTo(0)).toMatchObject([{ e: "failed", code: "REFUSED" }]);
  await expect(runOnLab(withChoices(randomTrace(1)), { topology: "pd" })).rejects.toThrow("one choice");
});

/** Pools so small that a few requests fight over them. */
const TIGHT = { contextTokens: 480, poolBlocks: 32 };
const traffic = (seed: number) =>
  withChoices(randomTrace(seed, { requests: 12, segment: 160, gapMs: 4, cancels: 0.4, cancelMs: 20 }));

test.each<readonly [name: string, more: LabOptions]>([
  ["as it is", {}],
  ["with swapped cells", { swapBlocks: 48 }],
  ["with drafts", { draftTokens: 3 }],
  ["planned ahead", { asyncScheduling: true }],
  ["with a radix tree", { prefixIndex: "radix" }],
  [
    "with a radix tree of single cells",
    { prefixIndex: "radix", blockSize: 1, poolBlocks: 512, costs: { load: 6, store: 6 } },
  ],
])("a clean lab %s gives each choice exactly, and its bookkeeping holds", async (_, more) => {
  const total = { cancels: 0, promptTokensCached: 0, preemptions: 0 };
  for (let seed = 0; seed < 30; seed++) {
    const run = await runOnLab(traffic(seed), { ...TIGHT, ...more, checked: true });
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
    const { promptTokensCached, preemptions } = countersOf(run.history);
    total.promptTokensCached += promptTokensCached!;
    total.preemptions += preemptions!;
    total.cancels += [...run.outcomes.values()].filter((o) => o.status === "cancelled").length;
  }
  for (const [name, n] of Object.entries(total)) expect(n, name).toBeGreaterThan(20);
});

test("choices give the same history byte for byte", async () => {
  const history = async () => formatHistory((await runOnLab(traffic(3))).history);
  expect(await history()).toBe(await history());
});
