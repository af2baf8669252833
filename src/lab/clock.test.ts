import { expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { VirtualClock } from "./clock.ts";

test("actions come in order of time; at one moment copies first, then in the order they were asked for", () => {
  const clock = new VirtualClock();
  const done: string[] = [];
  clock.at(5, "compute", () => done.push("compute 5"));
  clock.at(5, "copy", () => done.push("copy 5"));
  clock.at(5, "copy", () => done.push("second copy 5"));
  clock.at(2, "compute", () => {
    done.push("compute 2");
    clock.at(3, "copy", () => done.push("copy 3"));
  });
  while (clock.nextAt !== null) clock.step();
  expect(done).toEqual(["compute 2", "copy 3", "copy 5", "second copy 5", "compute 5"]);
  expect(clock.now).toBe(5);
});

test("any order of asking gives the same order of doing", () => {
  const random = seededRandom(1);
  const clock = new VirtualClock();
  const times: number[] = [];
  for (let i = 0; i < 500; i++) clock.at(random.int(0, 99), "copy", () => times.push(clock.now));
  while (clock.nextAt !== null) clock.step();
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times).toHaveLength(500);
});

test("time does not run backwards, nor past what is due", () => {
  const clock = new VirtualClock();
  clock.pass(10);
  expect(() => clock.at(9, "copy", () => {})).toThrow("time runs forward");
  clock.at(12, "copy", () => {});
  expect(() => clock.pass(13)).toThrow("due at 12");
});

test("times are exact, or vary around their means by a seed", () => {
  const times = (schedulerSeed: number) => {
    const clock = new VirtualClock(schedulerSeed);
    return Array.from({ length: 1000 }, () => clock.taking(300));
  };
  expect(new VirtualClock().taking(300)).toBe(300);
  expect(times(1)).toEqual(times(1));
  expect(times(2)).not.toEqual(times(1));
  const sorted = times(1).sort((a, b) => a - b);
  expect(sorted[0]).toBeGreaterThanOrEqual(150);
  expect(sorted[0]).toBeLessThan(160);
  expect(sorted.at(-1)).toBeLessThanOrEqual(450);
  expect(sorted.at(-1)).toBeGreaterThan(440);
  expect(Math.abs(sorted.reduce((sum, time) => sum + time, 0) / 1000 - 300)).toBeLessThan(10);
});
