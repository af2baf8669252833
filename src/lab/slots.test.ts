import { describe, expect, test } from "vitest";
import { earnedHits } from "../../properties/earned-hits.ts";
import { judgeRun } from "../check/property.ts";
import { VirtualClock } from "./clock.ts";
import { type LabOptions, labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { type ComputedAs, Sequence } from "./sequence.ts";
import type { Slots } from "./slots.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace, withChoices, withParameters, withSessions } from "./testing/random-trace.ts";

const pool = (blocks: number, options: LabOptions = {}) =>
  new KvCache(
    labConfig({ slots: 2, maxRunning: 2, ...options }),
    { blocks, hostBlocks: 0, reuse: true },
    new VirtualClock(),
    () => {},
  );
const tokens = (count: number, first = 600) => Array.from({ length: count }, (_, i) => first + i);
const request = (of: readonly number[], as: ComputedAs = {}, cacheable = true) =>
  new Sequence("r", of, of.length + 8, cacheable, as);
const keptBy = (kv: KvCache) => Object.fromEntries([...kv.sessions.turns].map(([slot, turn]) => [slot, turn.tokens]));

/** It runs, and all its tokens are computed. */
function runs(kv: KvCache, sequence: Sequence): Sequence {
  expect(kv.admit(sequence, 1000)).toBe(true);
  sequence.computed = sequence.tokens.length;
  return sequence;
}
const ran = (kv: KvCache, sequence: Sequence) => kv.leave(runs(kv, sequence));

describe("a slot", () => {
  test("keeps its last request's cells, for the next prompt that is like it", () => {
    const kv = pool(16);
    ran(kv, request(tokens(40)));
    ran(kv, request(tokens(40, 900)));
    const next = request([...tokens(20), ...tokens(20, 700)]);
    expect(kv.admit(next, 1000)).toBe(true);
    expect([next.slot, next.cached, next.blocks.length]).toEqual(["slot 0", 20, 3]);
    expect(keptBy(kv)).toEqual({ "slot 1": tokens(40, 900) });
  });

  test("is the one that is idle longest, for a prompt that is like none", () => {
    const kv = pool(16);
    ran(kv, request(tokens(40)));
    ran(kv, request(tokens(40, 900)));
    const other = runs(kv, request(tokens(40, 700)));
    expect([other.slot, other.cached]).toEqual(["slot 0", 0]);
    const tooMany = request(tokens(40));
    runs(kv, request(tokens(40, 900)));
    expect(kv.admit(tooMany, 1000)).toBe(false);
    kv.leave(other);
    expect(kv.admit(tooMany, 1000)).toBe(true);
  });

  test("is of no use under another adapter or salt, or where the cache is not to be used", () => {
    for (const [as, cacheable] of [
      [{ adapter: "a1" }, true],
      [{ salt: "s" }, true],
      [{}, false],
    ] as const) {
      const kv = pool(16, { slots: 1, maxRunning: 1 });
      ran(kv, request(tokens(40)));
      const next = request(tokens(40), as, cacheable);
      ran(kv, next);
      expect(next.cached).toBe(0);
      expect(keptBy(kv)).toEqual(cacheable ? { "slot 0": tokens(40) } : {});
    }
  });

  test("is its own for a session: its turns wait for each other", () => {
    const kv = pool(16);
    const first = runs(kv, request(tokens(40), { session: "c" }));
    const second = request(tokens(60), { session: "c" });
    expect(kv.admit(second, 1000)).toBe(false);
    kv.leave(first);
    expect(kv.admit(second, 1000)).toBe(true);
    expect([second.slot, second.cached]).toEqual(["slot 0", 40]);
  });

  test("gives way where the pool is full, unless it runs or is about to", () => {
    const kv = pool(6);
    ran(kv, request(tokens(40)));
    ran(kv, request(tokens(40, 900)));
    const longer = request(tokens(60));
    expect(kv.admit(longer, 1000)).toBe(true);
    expect([longer.cached, keptBy(kv)]).toEqual([40, {}]);
    expect(kv.pool.free).toBe(2);
  });
});

describe("a prompt that loses its slot", () => {
  const promptsOf = (kv: KvCache) => (kv.sessions as Slots).prompts!.saved.map((saved) => saved.tokens.length);

  test("is saved in the host, with all its cells, and comes back", () => {
    const kv = pool(16, { slots: 1, maxRunning: 1, promptCacheBlocks: 8 });
    const first = runs(kv, request(tokens(40)));
    for (let cell = 0; cell < 40; cell++)
      kv.cells.planes[0]![0]!.valueToken[first.blocks[Math.floor(cell / 16)]! * 16 + (cell % 16)] = 1000 + cell;
    kv.leave(first);
    ran(kv, request(tokens(30, 900)));
    expect(promptsOf(kv)).toEqual([40]);
    const back = request([...tokens(35), ...tokens(20, 700)]);
    expect(kv.admit(back, 1000)).toBe(true);
    expect([back.cached, promptsOf(kv)]).toEqual([35, [30]]);
    const cells = Array.from({ length: 35 }, (_, cell) => back.blocks[Math.floor(cell / 16)]! * 16 + (cell % 16));
    const values = cells.map((slot) => kv.cells.planes[0]![0]!.valueToken[slot]);
    expect(values).toEqual(tokens(35, 1000));
  });

  test("pushes out what was saved before, once, and nothing is saved that is too large", () => {
    const kv = pool(16, { slots: 1, maxRunning: 1, promptCacheBlocks: 4 });
    for (const first of [600, 700, 800]) ran(kv, request(tokens(30, first)));
    expect(promptsOf(kv)).toEqual([30, 30]);
    ran(kv, request(tokens(100, 900)));
    expect(promptsOf(kv)).toEqual([30, 30]);
    ran(kv, request(tokens(10, 1100)));
    expect(promptsOf(kv)).toEqual([30, 30]);
    kv.flush();
    expect(promptsOf(kv)).toEqual([]);
  });
});

const TIGHT = { contextTokens: 480, poolBlocks: 32, slots: 6, maxRunning: 6 };
const traffic = (seed: number) => {
  const trace = randomTrace(seed, { requests: 16, segment: 100, gapMs: 12, cancels: 0.4, cancelMs: 20, segments: 5 });
  return seed % 4 === 1 ? withChoices(trace) : seed % 4 === 2 ? withParameters(trace) : withSessions(trace, 460);
};

test.each<readonly [name: string, more: LabOptions]>([
  ["as it is", {}],
  ["with old prompts in the host", { promptCacheBlocks: 40 }],
  ["of single cells", { blockSize: 1, poolBlocks: 512, promptCacheBlocks: 640 }],
  ["with swapped cells", { swapBlocks: 48 }],
  ["with drafts", { draftTokens: 3 }],
  ["planned ahead", { asyncScheduling: true, promptCacheBlocks: 40 }],
])("a clean lab with slots %s answers exactly, and its bookkeeping holds", async (_, more) => {
  const total: Record<string, number> = { cancels: 0, cached: 0, preemptions: 0 };
  if (more.promptCacheBlocks) Object.assign(total, { stores: 0, loads: 0 });
  for (let seed = 0; seed < 24; seed++) {
    const run = await runOnLab(traffic(seed), { ...TIGHT, ...more, checked: true });
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
    expect(judgeRun(earnedHits, run).status, `seed ${seed}`).not.toBe("fail");
    const counters = countersOf(run.history);
    total.cached! += counters.promptTokensCached!;
    for (const name of ["preemptions", "stores", "loads"]) if (name in total) total[name]! += counters[name]!;
    total.cancels! += [...run.outcomes.values()].filter((o) => o.status === "cancelled").length;
  }
  for (const [name, n] of Object.entries(total)) expect(n, name).toBeGreaterThan(3);
});

test("a finished request says in which slot it ran", async () => {
  const { history } = await runOnLab(traffic(3), TIGHT);
  const places = history.events.flatMap((event) => (event.e === "finished" ? event.place : []));
  expect(new Set(places).size).toBeGreaterThan(2);
  for (const place of places) expect(place).toMatch(/^slot [0-5]$/);
});

test.each<readonly [LabOptions, RegExp]>([
  [{ slots: 8, topology: "pd" }, /no slots where prefill and decode are apart/],
  [{ slots: 4 }, /maxRunning is 8, and there are 4 slots/],
  [{ promptCacheBlocks: 4 }, /has no slots/],
])("%o is refused", (options, message) => {
  expect(() => labConfig(options)).toThrow(message);
});
