import { describe, expect, test } from "vitest";
import type { Run } from "../check/property.ts";
import { formatHistory } from "../history/jsonl.ts";
import { validateTrace } from "../trace/read.ts";
import { TRACE_VERSION, type Trace } from "../trace/schema.ts";
import { VirtualClock } from "./clock.ts";
import { labConfig } from "./config.ts";
import { LabEngine } from "./engine.ts";
import { checkBookkeeping, InvariantBroken } from "./invariants.ts";
import { KvCache } from "./kv-cache.ts";
import { Lease } from "./lease.ts";
import { PullTransfer } from "./pull-transfer.ts";
import { Sequence } from "./sequence.ts";
import { mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace } from "./testing/random-trace.ts";

/** Three blocks of a pool of four under a lease of 100 µs; each layer of a block is read in 10 µs, so all in 150 µs. */
function leased() {
  const costs = { transfer: 10, acknowledge: 5 };
  const config = labConfig({ topology: "pd", transfer: "pull", leaseMicros: 100, costs, checked: true });
  const clock = new VirtualClock();
  const pool = (blocks: number) => new KvCache(config, { blocks, hostBlocks: 0, reuse: false }, clock, () => {});
  const [from, to] = [pool(4), pool(4)];
  const source = from.pool.allocate(3)!;
  const lease = new Lease({ config, clock, kv: from, blocks: source });
  // The request has left the prefill side; only the lease still holds its blocks.
  from.pool.release(source);
  const done: number[] = [];
  const begin = () => {
    const destination = to.pool.allocate(3)!;
    const acknowledged = () => done.push(clock.now);
    const sides = { from, to, destination, lease };
    const transfer = new PullTransfer({ config, clock, ...sides, landed: () => {}, acknowledged });
    to.pool.release(destination);
    transfer.post(lease.blocks, lease.blocks.length);
    return transfer;
  };
  const until = (time: number) => {
    while (clock.nextAt !== null && clock.nextAt <= time) clock.step();
    clock.pass(time);
  };
  return { begin, clock, done, free: () => [from.pool.free, to.pool.free], lease, until };
}

describe("a lease", () => {
  test("runs out when nobody reads", () => {
    const { free, lease, until } = leased();
    until(99);
    expect([lease.isOver, free()]).toEqual([false, [1, 4]]);
    until(100);
    expect([lease.isOver, free()]).toEqual([true, [4, 4]]);
    expect(lease.renew()).toBe(false);
  });

  test("runs its full time again from a heartbeat on", () => {
    const { free, lease, until } = leased();
    until(60);
    expect(lease.renew()).toBe(true);
    until(159);
    expect(free()).toEqual([1, 4]);
    until(160);
    expect(free()).toEqual([4, 4]);
  });

  test("ends when the prefill side hears that it is not needed, and once only", () => {
    const { clock, free, lease, until } = leased();
    lease.notify();
    until(4);
    expect(free()).toEqual([1, 4]);
    until(5);
    expect(free()).toEqual([4, 4]);
    lease.notify();
    until(1000);
    expect([clock.nextAt, free()]).toEqual([null, [4, 4]]);
    expect(() => lease.end()).toThrow(new InvariantBroken("a lease ends twice"));
  });

  test("must outlast a read", () => {
    const options = { topology: "pd", transfer: "pull", costs: { transfer: 400 } } as const;
    expect(() => labConfig({ ...options, leaseMicros: 799 })).toThrow("a lease of 799 µs can run out while a block");
    expect(labConfig({ ...options, leaseMicros: 800 }).leaseMicros).toBe(800);
  });
});

test("a lab that checks itself notices a request that computes into leased blocks", () => {
  const config = labConfig({ topology: "pd", transfer: "pull" });
  const clock = new VirtualClock();
  const kv = new KvCache(config, { blocks: 4, hostBlocks: 0, reuse: false }, clock, () => {});
  const sequence = new Sequence("r1", new Array(40).fill(5), 41, false);
  sequence.blocks = kv.pool.allocate(3)!;
  sequence.computed = 40;
  new Lease({ config, clock, kv, blocks: [...sequence.blocks] });
  checkBookkeeping(kv, [sequence]);
  sequence.computed = 32;
  expect(() => checkBookkeeping(kv, [sequence])).toThrow(/^block \d is written by r1 while it is read$/);
});

describe("a transfer that is pulled", () => {
  test("holds the blocks of both sides until all is read, be that longer than the lease", () => {
    const { begin, done, free, until } = leased();
    begin();
    until(154);
    expect([done, free()]).toEqual([[], [1, 1]]);
    until(155);
    expect([done, free()]).toEqual([[155], [4, 4]]);
  });

  test("reads on when the request is cancelled, and then lets go of both sides", () => {
    const { begin, done, free, until } = leased();
    const transfer = begin();
    until(42);
    transfer.abort();
    until(149);
    expect(free()).toEqual([1, 1]);
    until(1000);
    expect([done, free()]).toEqual([[], [4, 4]]);
  });

  test("is noticed by a lab that checks itself if its lease is over before", () => {
    const { begin, lease, until } = leased();
    begin();
    lease.renew = () => true;
    expect(() => until(1000)).toThrow(/^block \d is read, and its lease is over$/);
  });
});

/** Each pool holds one context. */
const SMALL = { topology: "pd", transfer: "pull", contextTokens: 256, poolBlocks: 16, decodeBlocks: 16 } as const;

/** All at once. */
function requests(...sizes: readonly (readonly [prompt: number, answer: number])[]): Trace {
  return validateTrace({
    crosstalk: TRACE_VERSION,
    name: "requests at once",
    segments: Object.fromEntries(sizes.map(([length], i) => [`S${i}`, { seed: i, family: 5 + i, length }])),
    steps: sizes.map(([, maxTokens], i) => ({
      at: i,
      send: `r${i}`,
      prompt: [{ seg: `S${i}` }, { read: "scan" }],
      maxTokens,
    })),
  });
}

/** Requests whose cells came from the prefill side. */
const transferred = ({ history }: Run): string[] =>
  history.events.flatMap((event) => (event.e === "cache" && event.what === "transfer" ? (event.id ?? []) : []));

test("a decode side that comes after a lease has run out computes the prompt itself", async () => {
  const trace = requests([180, 60], [120, 8]);
  const late = await runOnLab(trace, { ...SMALL, checked: true });
  expect(mistakes(late)).toEqual([]);
  expect(transferred(late)).toEqual(["r0"]);
  const inTime = await runOnLab(trace, { ...SMALL, leaseMicros: 1_000_000, checked: true });
  expect(mistakes(inTime)).toEqual([]);
  expect(transferred(inTime)).toEqual(["r0", "r1"]);
});

test("a prompt that has no block but leased ones waits until a lease is over", async () => {
  const run = await runOnLab(requests([180, 60], [200, 4], [200, 4], [200, 4]), { ...SMALL, checked: true });
  expect(mistakes(run)).toEqual([]);
  expect(transferred(run)).toEqual(["r0"]);
});

test("a cancel before the reading begins gives the leased blocks back as soon as the prefill side hears of it", () => {
  const engine = new LabEngine({ ...SMALL, poolBlocks: 32 });
  const prompt = (length: number) => Array.from({ length }, (_, i) => 1 + (i % 9));
  engine.submit({ id: "long", prompt: prompt(200), maxTokens: 50, cache: true });
  engine.submit({ id: "waits", prompt: prompt(100).reverse(), maxTokens: 10, cache: true });
  engine.advanceTo(35_000);
  const held = () => engine.blocks.held;
  const before = held();
  engine.cancel("waits");
  engine.advanceTo(35_499);
  expect(held()).toBe(before);
  engine.advanceTo(35_500);
  expect(held()).toBe(before - 7);
});

test("nothing is held when all requests have ended", () => {
  const engine = new LabEngine(SMALL);
  for (let id = 0; id < 12; id++) {
    engine.submit({
      id: `${id}`,
      prompt: new Array(20 + 10 * id).fill(1 + (id % 9)),
      maxTokens: 4 * id + 1,
      cache: true,
    });
    engine.advanceTo(engine.now + 2_500 * id);
    if (id % 3 === 2) engine.cancel(`${id - 1}`);
  }
  while (engine.nextEventAt !== null) engine.advanceTo(engine.nextEventAt);
  expect(engine.blocks.held).toBe(0);
  expect(engine.load).toEqual({ running: 0, waiting: 0 });
});

test("the same trace gives the same history byte for byte, and another than where the prefill side pushes", async () => {
  const history = async (transfer: "push" | "pull") =>
    formatHistory((await runOnLab(randomTrace(1), { topology: "pd", transfer, schedulerSeed: 3 })).history);
  expect(await history("pull")).toBe(await history("pull"));
  expect(await history("pull")).not.toBe(await history("push"));
});

test("the shape of vLLM pulls, that of SGLang is pushed to", () => {
  expect(labConfig({ preset: "vllm", topology: "pd" }).transfer).toBe("pull");
  expect(labConfig({ preset: "sglang", topology: "pd" }).transfer).toBe("push");
});
