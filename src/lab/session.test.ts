import { describe, expect, test } from "vitest";
import { earnedHits } from "../../properties/earned-hits.ts";
import { judgeRun } from "../check/property.ts";
import { formatHistory } from "../history/jsonl.ts";
import { narrowRead } from "../tracer/read-tokens.ts";
import { payloadRun } from "../tracer/vocabulary.ts";
import { VirtualClock } from "./clock.ts";
import { type LabOptions, labConfig } from "./config.ts";
import { LabEngine, type LabRequest } from "./engine.ts";
import { KvCache } from "./kv-cache.ts";
import { Sequence } from "./sequence.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace, withChoices, withParameters, withRequestIds, withSessions } from "./testing/random-trace.ts";

const SIZE = 16;

const pool = (blocks: number) =>
  new KvCache(labConfig(), { blocks, hostBlocks: 0, reuse: true }, new VirtualClock(), () => {});
const turn = (tokens: readonly number[], as: { session?: string; salt?: string } = { session: "c" }) =>
  new Sequence("r", tokens, tokens.length + 8, true, as);
const tokens = (count: number, first = 600) => Array.from({ length: count }, (_, i) => first + i);

/** A turn whose tokens are all computed, and which has left. */
function left(kv: KvCache, sequence: Sequence): void {
  expect(kv.admit(sequence, 1000)).toBe(true);
  sequence.computed = sequence.tokens.length;
  kv.leave(sequence);
}

describe("a session", () => {
  test("gives the next turn all cells of the last one, a block that is not full included", () => {
    const kv = pool(8);
    left(kv, turn(tokens(40)));
    expect(kv.pool.free).toBe(5);
    const next = turn(tokens(60));
    expect(kv.admit(next, 1000)).toBe(true);
    expect([next.computed, next.cached, next.blocks.length]).toEqual([40, 40, 4]);
    expect(next.blocks.map((block) => kv.pool.references(block))).toEqual([1, 1, 1, 1]);
    expect(kv.sessions.turns.size).toBe(0);
  });

  test("rewinds to where a prompt parts, and to the beginning of a block that others may read", () => {
    const kv = pool(8);
    left(kv, turn(tokens(60)));
    const inOwnBlock = turn([...tokens(50), ...tokens(20, 900)]);
    expect(kv.admit(inOwnBlock, 1000)).toBe(true);
    expect([inOwnBlock.computed, inOwnBlock.published]).toEqual([50, 3]);
    inOwnBlock.computed = 70;
    kv.leave(inOwnBlock);
    // Its second block is full, and in the prefix cache.
    const inSharedBlock = turn([...tokens(20), ...tokens(20, 800)]);
    expect(kv.admit(inSharedBlock, 1000)).toBe(true);
    expect(inSharedBlock.computed).toBe(SIZE);
    expect(kv.sessions.turns.size).toBe(0);
  });

  test("is another one under another salt, and none where the cache is not to be used", () => {
    const kv = pool(8);
    left(kv, turn(tokens(40)));
    const salted = turn(tokens(60), { session: "c", salt: "s" });
    const off = new Sequence("r", tokens(60), 68, false, { session: "c" });
    expect([turn(tokens(60)), salted, off].map((sequence) => kv.sessions.usable(sequence))).toEqual([40, 0, 0]);
  });

  test("gives way where the pool is full, the oldest first, and when the cache is flushed", () => {
    const kv = pool(8);
    left(kv, turn(tokens(40), { session: "a" }));
    left(kv, turn(tokens(40, 900), { session: "b" }));
    expect(kv.pool.free).toBe(2);
    const other = turn(tokens(50, 700), {});
    expect(kv.admit(other, 1000)).toBe(true);
    expect([...kv.sessions.turns.keys()]).toEqual(["b of "]);
    kv.flush();
    expect(kv.sessions.turns.size).toBe(0);
    kv.leave(other);
    expect(kv.pool.free).toBe(8);
  });

  test("keeps of a cancelled turn what was computed", () => {
    const engine = new LabEngine({ checked: true, stepTokens: 20 });
    const prompt = [...payloadRun(1, 9, 100), ...narrowRead(40)];
    const ask = (id: string): LabRequest => ({ id, prompt, maxTokens: 4, cache: true, session: "c" });
    engine.submit(ask("cut"));
    engine.advanceTo(4_000);
    engine.cancel("cut");
    engine.advanceTo(100_000);
    const { held, inSessions } = engine.blocks;
    expect([held, inSessions]).toEqual([4, 4]);
    engine.submit(ask("again"));
    const events = engine.advanceTo(1_000_000);
    expect(events.at(-1)).toMatchObject({ e: "finished", id: "again", cached: 60 });
    expect(events.flatMap((event) => (event.e === "tokens" ? event.ids : []))).toEqual(prompt.slice(60, 64));
  });
});

test("there are none where prefill and decode are apart", async () => {
  const engine = new LabEngine({ topology: "pd" });
  engine.submit({ id: "r", prompt: [1, 2, 3], maxTokens: 5, cache: true, session: "c" });
  expect(engine.advanceTo(0)).toMatchObject([{ e: "failed", code: "REFUSED" }]);
  await expect(runOnLab(withSessions(randomTrace(1), 400), { topology: "pd" })).rejects.toThrow("no sessions");
});

/** Pools so small that a few requests fight over them. */
const TIGHT = { contextTokens: 480, poolBlocks: 32, decodeBlocks: 32 };
const traffic = (seed: number) => {
  const trace = randomTrace(seed, { requests: 14, segment: 100, gapMs: 12, cancels: 0.4, cancelMs: 20, segments: 5 });
  return withSessions(seed % 4 === 1 ? withChoices(trace) : seed % 4 === 2 ? withParameters(trace) : trace, 460);
};

test.each<readonly [name: string, more: LabOptions]>([
  ["as it is", {}],
  ["with single cells", { blockSize: 1, poolBlocks: 512, hostBlocks: 1024, costs: { load: 6, store: 6 } }],
  ["with swapped cells", { swapBlocks: 48 }],
  ["with drafts", { draftTokens: 3 }],
  ["planned ahead", { asyncScheduling: true }],
  ["with a radix tree", { prefixIndex: "radix" }],
  [
    "with a radix tree of single cells",
    { prefixIndex: "radix", blockSize: 1, poolBlocks: 512, costs: { load: 6, store: 6 } },
  ],
])("a clean lab %s gives each turn exactly, and its bookkeeping holds", async (_, more) => {
  const total = { cancels: 0, cached: 0, preemptions: 0 };
  let inBlock = 0;
  for (let seed = 0; seed < 24; seed++) {
    const trace = withRequestIds(traffic(seed));
    const options = { ...TIGHT, ...more, checked: true };
    const run = await runOnLab(trace, options);
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
    expect(judgeRun(earnedHits, run).status, `seed ${seed}`).not.toBe("fail");
    const outcomes = [...run.outcomes.values()];
    total.cached += countersOf(run.history).promptTokensCached!;
    total.preemptions += countersOf(run.history).preemptions!;
    total.cancels += outcomes.filter((o) => o.status === "cancelled").length;
    inBlock += outcomes.filter(({ cached }) => cached !== null && cached % 16 !== 0).length;
  }
  for (const [name, n] of Object.entries(total)) expect(n, name).toBeGreaterThan(10);
  // A prefix cache finds whole blocks: only a session goes on in the middle of one.
  if (more.blockSize !== 1) expect(inBlock).toBeGreaterThan(10);
});

test("sessions give the same history byte for byte", async () => {
  const history = async () => formatHistory((await runOnLab(traffic(3))).history);
  expect(await history()).toBe(await history());
});

test.each(["single", "pd"] as const)("a clean %s lab serves requests that the client names alike", async (topology) => {
  for (let seed = 0; seed < 30; seed++) {
    const trace = withRequestIds(randomTrace(seed, { requests: 14, segment: 120, gapMs: 6, cancels: 0.4 }));
    const run = await runOnLab(trace, { ...TIGHT, topology, checked: true });
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
  }
});
