import { expect, test } from "vitest";
import { allProperties } from "../../properties/index.ts";
import { CrosstalkError } from "../errors.ts";
import { labTarget } from "../lab/target.ts";
import { seededRandom } from "../random.ts";
import type { Target } from "../target/target.ts";
import { type BisectEvent, type Bisected, bisect } from "./bisect.ts";
import { HIT_TRACE } from "./testing/trace.ts";

const VERSIONS = Array.from({ length: 12 }, (_, i) => `v${i}`);

interface World {
  readonly firstBad: number;
  /** Share of the runs in which a bad version shows it. */
  readonly share?: number;
  readonly broken?: readonly number[];
  readonly runs?: number;
}

/** The lab as an engine with versions: from `firstBad` on it has a fault, in some of the runs. */
async function history({ firstBad, share = 1, broken = [], runs = 200 }: World) {
  const random = seededRandom(3);
  const open = async (version: string): Promise<Target> => {
    const i = VERSIONS.indexOf(version);
    if (broken.includes(i)) throw new CrosstalkError("ENGINE_EXITED", "does not build", "Look at the log.");
    const clean = labTarget({ model: "none" });
    const faulty = labTarget({ model: "none", fault: "count-one-block-over" });
    const shows = () => i >= firstBad && random.next() < share;
    const target: Target = {
      start: () => clean.start(),
      execute: (trace, execution) => (shows() ? faulty : clean).execute(trace, execution),
      flush: async () => {
        await faulty!.flush();
        return clean.flush();
      },
      restart: () => clean.restart(),
      stop: () => clean.stop(),
    };
    return target;
  };
  const events: BisectEvent[] = [];
  const steps = bisect({ trace: HIT_TRACE, versions: VERSIONS, open, laws: () => allProperties, runs });
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) events.push(step.value);
  const tested = events.flatMap((e) => (e.type === "tested" ? [e.tested] : []));
  return { tested, bisected: step.value as Bisected };
}

test("finds the first version in which the trace fails, and tests no version twice", async () => {
  for (const firstBad of [1, 5, 11]) {
    const { bisected, tested } = await history({ firstBad });
    expect(bisected).toMatchObject({ firstBad: `v${firstBad}`, lastGood: `v${firstBad - 1}`, untestable: [] });
    expect(new Set(tested.map((t) => t.version)).size).toBe(tested.length);
    expect(tested.length).toBeLessThanOrEqual(2 + 4);
  }
});

test("a failure that shows in a fifth of the runs is not taken for its absence", async () => {
  for (const firstBad of [2, 7, 10]) {
    const { bisected } = await history({ firstBad, share: 0.2 });
    expect(bisected.firstBad).toBe(`v${firstBad}`);
    expect(bisected.error).toBeLessThanOrEqual(0.01);
    expect(bisected.cleanRuns).toBeGreaterThan(20);
  }
});

test("says how sure it is where the runs do not suffice", async () => {
  const { bisected } = await history({ firstBad: 6, share: 0.5, runs: 12 });
  expect(bisected.cleanRuns).toBe(12);
  expect(bisected.error).toBeGreaterThan(0.01);
});

test("goes around versions that cannot be tested, and names those that may be the first bad one", async () => {
  const { bisected, tested } = await history({ firstBad: 6, broken: [5, 6] });
  expect(bisected).toMatchObject({ firstBad: "v7", lastGood: "v4", untestable: ["v5", "v6"] });
  expect(tested.filter((t) => t.state === "untestable").map((t) => t.reason)).toEqual([
    "does not build",
    "does not build",
  ]);
});

test("refuses versions that do not end bad and begin good", async () => {
  await expect(history({ firstBad: 99, runs: 5 })).rejects.toThrow(/did not fail in 5 runs on v11/);
  await expect(history({ firstBad: 0 })).rejects.toThrow(/fails on v0 already/);
  await expect(history({ firstBad: 3, broken: [0] })).rejects.toThrow(/v0, .*could not be tested: does not build/);
});
