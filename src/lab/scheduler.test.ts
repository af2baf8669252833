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
