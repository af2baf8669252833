import { expect, test } from "vitest";
import { realClock } from "./clock.ts";

test("a deadline that has passed is called back, but not from within", async () => {
  let called = false;
  const done = new Promise<void>((resolve) => {
    realClock.at(realClock.now() - 5, () => {
      called = true;
      resolve();
    });
  });
  expect(called).toBe(false);
  await done;
});

test("never early, and in order of deadlines", async () => {
  const start = realClock.now();
  const order = await new Promise<number[]>((resolve) => {
    const called: number[] = [];
    for (const ms of [6, 2, 4]) {
      realClock.at(start + ms, () => {
        expect(realClock.now()).toBeGreaterThanOrEqual(start + ms);
        if (called.push(ms) === 3) resolve(called);
      });
    }
  });
  expect(order).toEqual([2, 4, 6]);
});

test("what is taken back is not called", async () => {
  const called: string[] = [];
  await new Promise<void>((resolve) => {
    realClock.at(realClock.now() + 1, () => called.push("taken back"))();
    realClock.at(realClock.now() + 3, resolve);
  });
  expect(called).toEqual([]);
});
