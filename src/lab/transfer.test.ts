import { expect, test } from "vitest";
import { VirtualClock } from "./clock.ts";
import { labConfig } from "./config.ts";
import { KvCache } from "./kv-cache.ts";
import { Transfer } from "./transfer.ts";

/** A transfer of three blocks of which two are posted, each layer of a block in 10 µs. */
function halfPosted() {
  const config = labConfig({ topology: "pd", costs: { transfer: 10, acknowledge: 5 } });
  const clock = new VirtualClock();
  const pool = (blocks: number) => new KvCache(config, { blocks, hostBlocks: 0, reuse: false }, clock, () => {});
  const [from, to] = [pool(4), pool(4)];
  const source = from.pool.allocate(3)!;
  const destination = to.pool.allocate(3)!;
  const done: number[] = [];
  const transfer = new Transfer({
    config,
    clock,
    from,
    to,
    destination,
    lease: null,
    landed: () => {},
    acknowledged: () => done.push(clock.now),
  });
  transfer.post(source, 2);
  // Both sides lose interest; only the transfer still holds the blocks.
  from.pool.release(source);
  to.pool.release(destination);
  const finish = () => {
    while (clock.nextAt !== null) clock.step();
  };
  return { clock, done, finish, from, source, to, transfer };
}

test("posted blocks are held on both sides until they are written", () => {
  const { clock, finish, from, to, transfer } = halfPosted();
  transfer.abort();
  clock.step();
  expect([from.pool.free, to.pool.free]).toEqual([2, 1]);
  finish();
  expect(clock.now).toBe(100);
  expect([from.pool.free, to.pool.free]).toEqual([4, 4]);
});

test("an aborted transfer posts nothing more and is not acknowledged", () => {
  const { clock, done, finish, source, transfer } = halfPosted();
  transfer.abort();
  transfer.post(source, 3);
  finish();
  expect(clock.now).toBe(100);
  expect(done).toEqual([]);
});

test("a whole transfer is acknowledged once, after its last write", () => {
  const { done, finish, from, source, to, transfer } = halfPosted();
  from.pool.hold(source);
  transfer.post(source, 3);
  from.pool.release(source);
  finish();
  expect(done).toEqual([155]);
  expect([from.pool.free, to.pool.free]).toEqual([4, 4]);
});

test("a transfer that does not wait for its writes frees blocks that are still being written", () => {
  const { finish, from, to, transfer } = halfPosted();
  transfer.mayLetGo = () => true;
  transfer.abort();
  expect([from.pool.free, to.pool.free]).toEqual([2, 4]);
  finish();
  expect([from.pool.free, to.pool.free]).toEqual([4, 4]);
});
