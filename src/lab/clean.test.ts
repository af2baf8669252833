import { describe, expect, test } from "vitest";
import { withinWindow } from "../generate/window.ts";
import { formatHistory, parseHistory } from "../history/jsonl.ts";
import type { LabOptions } from "./config.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import {
  type RandomTraceOptions,
  randomTrace,
  withChoices,
  withGrammars,
  withParameters,
} from "./testing/random-trace.ts";

const TRAFFIC: readonly RandomTraceOptions[] = [
  { requests: 12, segment: 120 },
  { requests: 16, segment: 200, gapMs: 3, cancels: 0.6, segments: 4, cancelMs: 12 },
  { requests: 12, segment: 120, gapMs: 15, cancels: 0.5, cancelMs: 60 },
  { requests: 10, segment: 120, gapMs: 2, cancels: 0, maxTokens: 60 },
];
/** Pools so small that a few requests fight over them. */
const TIGHT = { contextTokens: 480, poolBlocks: 32, decodeBlocks: 32 };
const traffic = (seed: number) => randomTrace(seed, TRAFFIC[seed % TRAFFIC.length]);

describe.each(["single", "pd"] as const)("a clean %s lab", (topology) => {
  test("answers every request exactly over 200 hostile traces, and its bookkeeping holds", async () => {
    const total: Record<string, number> = {};
    for (let seed = 0; seed < 200; seed++) {
      const run = await runOnLab(traffic(seed), { topology, ...TIGHT, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const cancels = [...run.outcomes.values()].filter((o) => o.status === "cancelled").length;
      for (const [name, n] of Object.entries({ ...countersOf(run.history), cancels }))
        total[name] = (total[name] ?? 0) + n;
    }
    // Otherwise nothing was put to the test.
    for (const name of ["cancels", "promptTokensCached", "evictions", "stores", "loads", "preemptions"])
      expect(total[name], name).toBeGreaterThan(20);
    if (topology === "pd") expect(total.transfers).toBeGreaterThan(1000);
  });

  test("draws every token with the request's own parameters", async () => {
    for (let seed = 0; seed < 40; seed++) {
      const run = await runOnLab(withParameters(traffic(seed)), { topology, ...TIGHT });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
    }
  });

  test("holds every request to its own grammar, through preemption, drafts, steps ahead and swaps", async () => {
    let preempted = 0;
    let rejected = 0;
    for (let seed = 0; seed < 80; seed++) {
      const shape = [{}, { swapBlocks: 48 }, { draftTokens: 3 }, { asyncScheduling: true }][seed % 4]!;
      const trace = withGrammars(traffic((seed * 5) % 64));
      const asked = topology === "single" && seed % 5 === 0 ? withChoices(trace) : trace;
      const run = await runOnLab(asked, { topology, ...TIGHT, ...shape, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const { preemptions, draftTokens = 0, acceptedTokens = 0 } = countersOf(run.history);
      preempted += preemptions!;
      rejected += draftTokens - acceptedTokens;
    }
    expect(preempted).toBeGreaterThan(10);
    expect(rejected).toBeGreaterThan(100);
  });

  test("answers exactly where preempted requests are swapped out", async () => {
    let preempted = 0;
    for (let seed = 3; seed < 80; seed += 4) {
      const run = await runOnLab(withParameters(traffic(seed)), { topology, ...TIGHT, swapBlocks: 48, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      preempted += countersOf(run.history).preemptions!;
    }
    expect(preempted).toBeGreaterThan(10);
  });

  test("answers exactly where drafts are verified", async () => {
    const total = { drafts: 0, rejected: 0, preemptions: 0 };
    for (let seed = 0; seed < 60; seed++) {
      const trace = seed % 3 === 0 ? withParameters(traffic(seed)) : traffic(seed);
      const run = await runOnLab(trace, { topology, ...TIGHT, draftTokens: 3, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const { drafts, draftTokens, acceptedTokens, preemptions } = countersOf(run.history);
      total.drafts += drafts!;
      total.rejected += draftTokens! - acceptedTokens!;
      total.preemptions += preemptions!;
    }
    expect(total.drafts).toBeGreaterThan(1000);
    expect(total.rejected).toBeGreaterThan(1000);
    expect(total.preemptions).toBeGreaterThan(20);
  });

  test("answers exactly where steps are planned ahead", async () => {
    const total = { cancels: 0, loads: 0, preemptions: 0 };
    for (let seed = 0; seed < 80; seed++) {
      const trace = seed % 3 === 0 ? withParameters(traffic(seed)) : traffic(seed);
      const swapBlocks = seed % 2 === 0 ? 48 : 0;
      const run = await runOnLab(trace, { topology, ...TIGHT, swapBlocks, asyncScheduling: true, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const { loads, preemptions } = countersOf(run.history);
      total.loads += loads!;
      total.preemptions += preemptions!;
      total.cancels += [...run.outcomes.values()].filter((o) => o.status === "cancelled").length;
    }
    for (const [name, n] of Object.entries(total)) expect(n, name).toBeGreaterThan(20);
  });

  test("answers exactly with a radix tree, whatever its pages", async () => {
    const total: Record<string, number> = {};
    for (let seed = 0; seed < 90; seed++) {
      const trace = seed % 3 === 0 ? withParameters(traffic(seed)) : traffic(seed);
      const blockSize = [1, 16, 32][seed % 3]!;
      const blocks = 512 / blockSize;
      const pools = {
        poolBlocks: blocks,
        decodeBlocks: blocks,
        hostBlocks: 2 * blocks,
        costs: { load: 6, store: 6, transfer: 25 },
      };
      const asyncScheduling = seed % 2 === 0;
      const radix = { prefixIndex: "radix", blockSize, asyncScheduling, contextTokens: 480, checked: true } as const;
      const run = await runOnLab(trace, { topology, ...pools, ...radix });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      for (const [name, n] of Object.entries(countersOf(run.history))) total[name] = (total[name] ?? 0) + n;
    }
    for (const name of ["promptTokensCached", "evictions", "stores", "loads", "preemptions"])
      expect(total[name], name).toBeGreaterThan(10);
  });

  test("answers exactly whatever its steps and copies take", async () => {
    const total = { cancels: 0, loads: 0, preemptions: 0 };
    for (let seed = 0; seed < 80; seed++) {
      const shape = [{}, { swapBlocks: 48 }, { draftTokens: 3 }, { asyncScheduling: true }][seed % 4]!;
      const options = { topology, ...TIGHT, ...shape, schedulerSeed: seed, checked: true };
      const run = await runOnLab(traffic((seed * 5) % 64), options);
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const { loads, preemptions } = countersOf(run.history);
      total.loads += loads!;
      total.preemptions += preemptions!;
      total.cancels += [...run.outcomes.values()].filter((o) => o.status === "cancelled").length;
    }
    for (const [name, n] of Object.entries(total)) expect(n, name).toBeGreaterThan(20);
  });

  test("answers exactly where stores are slow and the host is small: who needs blocks waits for them", async () => {
    const total = { loads: 0, stores: 0 };
    for (let seed = 0; seed < 40; seed++) {
      const slow = { hostBlocks: 12, costs: { store: 1000 }, asyncScheduling: seed % 2 === 0 };
      const run = await runOnLab(traffic(seed), { topology, ...TIGHT, ...slow, checked: true });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const { loads, stores } = countersOf(run.history);
      total.loads += loads!;
      total.stores += stores!;
    }
    expect(total.loads).toBeGreaterThan(5);
    expect(total.stores).toBeGreaterThan(100);
  });

  test("gives another history by another scheduler seed, and the same by the same", async () => {
    const times = async (schedulerSeed: number | null) =>
      formatHistory((await runOnLab(traffic(1), { topology, schedulerSeed })).history);
    expect(await times(1)).toBe(await times(1));
    expect(new Set([await times(null), await times(0), await times(1)]).size).toBe(3);
  });

  test("gives the same history byte for byte", async () => {
    for (let seed = 0; seed < 4; seed++) {
      const first = formatHistory((await runOnLab(traffic(seed), { topology })).history);
      expect(formatHistory((await runOnLab(traffic(seed), { topology })).history)).toBe(first);
    }
  });

  test("writes histories that can be read back", async () => {
    const { history } = await runOnLab(traffic(1), { topology });
    expect(parseHistory(formatHistory(history))).toEqual({ history, truncated: null });
  });

  test("forgets its cache when it is flushed", async () => {
    const trace = randomTrace(10, { requests: 1, cancels: 0 });
    const again = trace.steps.map((step) => ("send" in step ? { ...step, send: "again", at: 500 } : step));
    const plain = await runOnLab({ ...trace, steps: [...trace.steps, ...again] }, { topology });
    expect(plain.outcomes.get("again")?.cached).toBeGreaterThan(0);
    const flushed = { ...trace, steps: [...trace.steps, { at: 400, flush: true as const }, ...again] };
    const run = await runOnLab(flushed, { topology });
    expect(run.outcomes.get("again")?.cached).toBe(0);
    expect(run.history.events).toContainEqual(expect.objectContaining({ e: "flushed", t: 400_000, at: 400_000 }));
  });
});

test("a clean lab whose decode side pulls answers exactly, within leases and after them", async () => {
  const total: Record<string, number> = {};
  for (let seed = 0; seed < 120; seed++) {
    const shape = [
      {},
      { swapBlocks: 48 },
      { draftTokens: 3 },
      { asyncScheduling: true },
      { prefixIndex: "radix" },
      { movesPerStep: 4 },
      { leaseMicros: 3_000 },
    ][seed % 7] as LabOptions;
    const timing = seed % 5 === 0 ? { schedulerSeed: seed } : {};
    const plain = traffic(seed);
    const trace = seed % 3 === 0 ? withParameters(plain) : seed % 3 === 1 ? withGrammars(plain) : plain;
    const options = { topology: "pd", transfer: "pull", ...TIGHT, ...shape, ...timing, checked: true } as const;
    const run = await runOnLab(trace, options);
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
    const read = new Set(run.history.events.map((e) => (e.e === "cache" && e.what === "transfer" ? e.id : null)));
    const outcomes = [...run.outcomes.values()];
    const cancels = outcomes.filter(({ status }) => status === "cancelled").length;
    const late = outcomes.filter(({ id, status }) => status === "finished" && !read.has(id)).length;
    for (const [name, n] of Object.entries({ ...countersOf(run.history), cancels, late }))
      total[name] = (total[name] ?? 0) + n;
  }
  const happens = ["cancels", "late", "promptTokensCached", "evictions", "stores", "loads", "preemptions", "moves"];
  for (const name of happens) expect(total[name], name).toBeGreaterThan(20);
  expect(total.transfers).toBeGreaterThan(500);
});

test("a clean lab with a sliding window answers exactly, whatever the window and its blocks", async () => {
  const total: Record<string, number> = {};
  for (let seed = 0; seed < 60; seed++) {
    const window = [64, 40, 100, 17][seed % 4]!;
    const shape = [{}, { blockSize: 1, poolBlocks: 720 }, { draftTokens: 3 }, { asyncScheduling: true }][
      (seed >> 2) % 4
    ]!;
    const plain = randomTrace(seed, TRAFFIC[(seed * 5 + (seed >> 2)) % TRAFFIC.length]);
    const trace = seed % 3 === 0 ? withParameters(plain) : seed % 5 === 0 ? withChoices(plain) : plain;
    const options = { window, contextTokens: 480, poolBlocks: 45, ...shape, checked: true };
    const run = await runOnLab(withinWindow(trace, window), options);
    expect(mistakes(run), `seed ${seed}`).toEqual([]);
    for (const [name, n] of Object.entries(countersOf(run.history))) total[name] = (total[name] ?? 0) + n;
  }
  for (const name of ["promptTokensCached", "evictions", "preemptions", "drafts"])
    expect(total[name], name).toBeGreaterThan(20);
});
