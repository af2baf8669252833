import { expect, test } from "vitest";
import { BatchRows } from "./batch-rows.ts";
import { VirtualClock } from "./clock.ts";
import { labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { Scheduler } from "./scheduler.ts";
import { Sequence } from "./sequence.ts";

/** A scheduler over so many blocks of 16 cells, with two rows. */
function schedulerOver(blocks: number): Scheduler {
  const kv = new KvCache(labConfig(), { blocks, hostBlocks: 0, reuse: false }, new VirtualClock(), () => {});
  return new Scheduler(kv, new BatchRows(2, 8, 16), 64, () => {});
}

const asking = (id: string, priority: number) =>
  new Sequence(id, new Array<number>(16).fill(0), 64, true, { priority });
const ids = (sequences: readonly Sequence[]) => sequences.map(({ id }) => id);

test("the queue is in order of priority, and then of arrival", () => {
  const scheduler = schedulerOver(8);
  for (const sequence of [asking("a", 0), asking("b", 1), asking("c", 0), asking("d", -1)]) scheduler.enqueue(sequence);
  expect(ids(scheduler.waiting)).toEqual(["d", "a", "c", "b"]);
  expect(ids(scheduler.plan().map(({ sequence }) => sequence))).toEqual(["d", "a"]);
});

test("a full pool takes the blocks of the least urgent request, whenever it came", () => {
  const scheduler = schedulerOver(2);
  const [plain, urgent] = [asking("plain", 0), asking("urgent", -1)];
  scheduler.enqueue(plain);
  scheduler.plan();
  scheduler.enqueue(urgent);
  scheduler.plan();
  for (const sequence of [plain, urgent]) {
    sequence.computed = 16;
    sequence.tokens.push(0);
  }
  expect(ids(scheduler.plan().map(({ sequence }) => sequence))).toEqual(["urgent"]);
  scheduler.enqueue(asking("late", 0));
  expect(ids(scheduler.waiting)).toEqual(["plain", "late"]);
});

test("who lacks blocks that are being stored waits for them: nobody is preempted, and nobody is admitted before", () => {
  const config = labConfig({ contextTokens: 64, stepTokens: 16, costs: { store: 10 } });
  const clock = new VirtualClock();
  const kv = new KvCache(config, { blocks: 4, hostBlocks: 4, reuse: true }, clock, () => {});
  const scheduler = new Scheduler(kv, new BatchRows(3, 4, 16), 64, () => {});
  const [left, running, late] = [asking("left", 0), asking("running", 0), asking("late", 0)];
  left.tokens.push(...new Array<number>(17).fill(1));
  kv.admit(left, 64);
  left.computed = 32;
  kv.retire(left);
  scheduler.enqueue(running);
  scheduler.plan();
  running.computed = 16;
  // It has one block and two are blank: it wants three more.
  running.tokens.push(...new Array<number>(48).fill(2));
  scheduler.enqueue(late);
  expect(scheduler.plan()).toEqual([]);
  expect([kv.storing, ids(scheduler.running), ids(scheduler.waiting)]).toEqual([2, ["running"], ["late"]]);
  while (clock.nextAt !== null) clock.step();
  expect(ids(scheduler.plan().map(({ sequence }) => sequence))).toEqual(["running"]);
});
