import { describe, expect, test } from "vitest";
import type { CellStore } from "../tracer/cells.ts";
import { BatchRows } from "./batch-rows.ts";
import { VirtualClock } from "./clock.ts";
import { Compaction } from "./compaction.ts";
import { type LabOptions, labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { Sequence } from "./sequence.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace, withChoices, withParameters, withSessions } from "./testing/random-trace.ts";
import { labCells } from "./watched-cells.ts";

const SIZE = 16;
const INDEXES = ["hash", "radix"] as const;

/** A pool of eight blocks, moved by up to `most` at a time. */
class SmallPool {
  readonly kv: KvCache;
  readonly rows = new BatchRows(4, 8, SIZE);
  readonly compaction: Compaction;
  /** Cells that lie where the pool's do, as a drafter's. */
  readonly beside: CellStore;
  /** Places that blocks were said to be moved to. */
  readonly told: number[] = [];

  constructor({ most = 8, prefixIndex = "hash" }: { most?: number; prefixIndex?: (typeof INDEXES)[number] } = {}) {
    const options = { blocks: 8, hostBlocks: 0, reuse: true };
    this.kv = new KvCache(labConfig({ prefixIndex }), options, new VirtualClock(), () => {});
    this.beside = labCells(labConfig(), this.kv.cells.slots);
    this.compaction = new Compaction(this.kv, this.rows, [this.kv.cells, this.beside], most, (_, blocks) =>
      this.told.push(...blocks),
    );
  }

  /** A request in a row, all of whose tokens are computed and published; each of its cells holds its token. */
  run(length: number, first: number, { cacheable = true, session = null as string | null } = {}): Sequence {
    const tokens = Array.from({ length }, (_, i) => first + i);
    const sequence = new Sequence(`r${first}`, tokens, length + 8, cacheable, { session });
    expect(this.kv.admit(sequence, 1000)).toBe(true);
    this.rows.add(sequence);
    this.rows.updateTables();
    for (const planes of [...this.kv.cells.planes, ...this.beside.planes])
      for (const { valueToken } of planes)
        for (const [i, slot] of this.slots(sequence).entries()) valueToken[slot] = tokens[i]!;
    sequence.computed = length;
    this.kv.publish(sequence);
    return sequence;
  }

  leave(sequence: Sequence): void {
    this.rows.remove(sequence);
    this.kv.leave(sequence);
  }

  /** What a running request reads, in each layer. */
  read(sequence: Sequence): number[][] {
    const planes = [...this.kv.cells.planes, ...this.beside.planes];
    return planes.map(([plane]) => [...this.slots(sequence)].map((slot) => plane!.valueToken[slot]!));
  }

  slots(sequence: Sequence): Int32Array {
    return this.rows.slots(this.rows.rowOf(sequence), sequence.tokens.length);
  }
}

describe("compaction", () => {
  test.each(INDEXES)("moves the last blocks to the first free places, and all find them there: %s", (prefixIndex) => {
    const pool = new SmallPool({ prefixIndex });
    const { kv } = pool;
    const gone = pool.run(3 * SIZE, 1000, { cacheable: false });
    const stays = pool.run(2 * SIZE + 5, 2000);
    expect(stays.blocks).toEqual([4, 5, 6]);
    pool.leave(gone);
    pool.compaction.compact([stays]);
    expect(stays.blocks).toEqual([3, 2, 1]);
    expect(pool.told).toEqual([1, 2, 3]);
    expect(pool.read(stays)).toEqual([...kv.cells.planes, ...pool.beside.planes].map(() => stays.tokens));
    expect([1, 2, 3, 4, 5, 6].map((block) => kv.pool.references(block))).toEqual([1, 1, 1, 0, 0, 0]);
    expect(kv.prefixes.find(kv.prefix(stays, 2))).toEqual([3, 2]);
    expect([1, 2, 3, 4, 5, 6].map((block) => kv.prefixes.holds(block))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    const twin = pool.run(2 * SIZE + 7, 2000);
    expect(twin.blocks.slice(0, 2)).toEqual([3, 2]);
    expect(kv.pool.references(3)).toBe(2);
  });

  test("moves a few blocks at a time, and none that is as near as it can be", () => {
    const pool = new SmallPool({ most: 2 });
    const gone = pool.run(3 * SIZE, 1000, { cacheable: false });
    const stays = pool.run(4 * SIZE, 2000);
    pool.leave(gone);
    const after = [
      [4, 5, 2, 1],
      [4, 3, 2, 1],
      [4, 3, 2, 1],
    ];
    for (const blocks of after) {
      pool.compaction.compact([stays]);
      expect(stays.blocks).toEqual(blocks);
    }
    expect(pool.told).toEqual([1, 2, 3]);
  });

  test("a block of several holders has them all in its new place", () => {
    const pool = new SmallPool();
    const gone = pool.run(SIZE + 1, 1000, { cacheable: false });
    const sharers = [pool.run(SIZE + 1, 2000), pool.run(SIZE + 2, 2000)];
    pool.leave(gone);
    pool.compaction.compact(sharers);
    expect(sharers.map(({ blocks }) => blocks)).toEqual([
      [3, 2],
      [3, 1],
    ]);
    expect(pool.kv.pool.references(3)).toBe(2);
    for (const sharer of sharers) expect(pool.read(sharer)[0]).toEqual(sharer.tokens);
  });

  test("what a session has kept moves with it", () => {
    const pool = new SmallPool();
    const gone = pool.run(2 * SIZE, 1000, { cacheable: false });
    const turn = pool.run(SIZE + 4, 2000, { session: "c" });
    pool.leave(turn);
    pool.leave(gone);
    pool.compaction.compact([]);
    const [kept] = pool.kv.sessions.turns.values();
    expect(kept!.blocks).toEqual([2, 1]);
    const next = pool.run(SIZE + 9, 2000, { session: "c" });
    expect([next.cached, next.blocks]).toEqual([SIZE + 4, [2, 1]]);
  });

  test("blocks that are being written or read stay, and so do cached ones that nobody holds", () => {
    const pool = new SmallPool();
    const gone = pool.run(3 * SIZE, 1000, { cacheable: false });
    const cached = pool.run(SIZE, 2000);
    const stays = pool.run(2 * SIZE, 3000);
    pool.leave(cached);
    pool.leave(gone);
    const [written, read] = stays.blocks.map((block) => [block]);
    pool.kv.incoming.add(written!);
    pool.kv.outgoing.add(read!);
    pool.compaction.compact([stays]);
    expect([stays.blocks, pool.told]).toEqual([[5, 6], []]);
    pool.kv.outgoing.clear();
    pool.compaction.compact([stays]);
    expect([stays.blocks, pool.told]).toEqual([[5, 1], [1]]);
  });
});

describe.each<[string, LabOptions]>([
  ["single", {}],
  ["pd", { topology: "pd" }],
  ["single, with a radix tree", { prefixIndex: "radix" }],
  ["pd, with a radix tree", { topology: "pd", prefixIndex: "radix" }],
  ["single, with drafts", { draftTokens: 3 }],
  ["single, that swaps", { swapBlocks: 48 }],
  ["single, with slots", { slots: 8, promptCacheBlocks: 32, hostBlocks: 0 }],
  ["single, of varying speed", { schedulerSeed: 7 }],
])("a clean lab: %s", (_, shape) => {
  const TIGHT = { contextTokens: 480, poolBlocks: 32, decodeBlocks: 32, movesPerStep: 4, checked: true };

  test("answers every request exactly while its blocks are moved, and its bookkeeping holds", async () => {
    let moved = 0;
    for (let seed = 0; seed < 40; seed++) {
      const plain = randomTrace(seed, { requests: 12, segment: 160, gapMs: 5, cancels: 0.4, cancelMs: 30 });
      const more = shape.topology === "pd" ? withParameters : [withParameters, withChoices, sessions][seed % 3]!;
      const run = await runOnLab(seed % 2 === 0 ? plain : more(plain), { ...TIGHT, ...shape });
      expect(mistakes(run), `seed ${seed}`).toEqual([]);
      const moves = run.history.events.filter((event) => event.e === "cache" && event.what === "move");
      expect(countersOf(run.history).moves).toBe(moves.length);
      moved += moves.length;
    }
    // Otherwise nothing was put to the test.
    expect(moved).toBeGreaterThan(20);
  });
});

const sessions = (trace: Parameters<typeof withSessions>[0]) => withSessions(trace, 480);

test("blocks stay where they are unless a lab is told to move them", async () => {
  const { history } = await runOnLab(randomTrace(1, { requests: 12, segment: 160 }), {
    poolBlocks: 32,
    contextTokens: 480,
  });
  expect(history.events.some((event) => event.e === "cache" && event.what === "move")).toBe(false);
  expect(countersOf(history)).not.toHaveProperty("moves");
});
