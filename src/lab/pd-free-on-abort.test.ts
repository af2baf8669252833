import { expect, test } from "vitest";
import { validateTrace } from "../trace/read.ts";
import { TRACE_VERSION, type Trace } from "../trace/schema.ts";
import { mistakes, runOnLab } from "./testing/lab-run.ts";

/** Scheduler seeds over which a rate is taken. */
const SEEDS = 20;

/** A long request is cancelled while its cells are on their way; a short one comes at once. */
function abortInTransfer(cancelAt: number): Trace {
  return validateTrace({
    crosstalk: TRACE_VERSION,
    name: "cancel during a transfer",
    needs: { topology: "pd" },
    segments: { A: { seed: 1, family: 5, length: 250 }, B: { seed: 2, family: 42, length: 30 } },
    steps: [
      { at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 8 },
      { at: cancelAt, cancel: "r1" },
      { at: cancelAt, send: "r2", prompt: [{ seg: "B" }, { read: "scan" }], maxTokens: 16 },
    ],
  });
}

test("two requests and one cancel show it, wherever in the transfer the cancel falls", async () => {
  for (let at = 9; at <= 20; at++) {
    const trace = abortInTransfer(at);
    const faulty = await runOnLab(trace, { topology: "pd", fault: "pd-free-on-abort" });
    expect(mistakes(faulty), `cancel at ${at} ms`).toEqual([expect.stringMatching(/^r2 is wrong at \d+ \(finished\)/)]);
    expect(mistakes(await runOnLab(trace, { topology: "pd", checked: true }))).toEqual([]);
  }
});

test("a cancel before the transfer or after it does no harm", async () => {
  for (const at of [1, 60]) {
    const run = await runOnLab(abortInTransfer(at), { topology: "pd", fault: "pd-free-on-abort" });
    expect(mistakes(run), `cancel at ${at} ms`).toEqual([]);
  }
});

test("at the end of the transfer it depends on the scheduler's timing", async () => {
  const failed = async (cancelAt: number, fault: string | null) => {
    let runs = 0;
    for (let schedulerSeed = 1; schedulerSeed <= SEEDS; schedulerSeed++) {
      const run = await runOnLab(abortInTransfer(cancelAt), { topology: "pd", fault, schedulerSeed });
      if (mistakes(run).length > 0) runs++;
    }
    return runs;
  };
  expect(await failed(12, "pd-free-on-abort")).toBe(SEEDS);
  expect(await failed(60, "pd-free-on-abort")).toBe(0);
  const atTheEnd = await failed(28, "pd-free-on-abort");
  expect(atTheEnd).toBeGreaterThan(0);
  expect(atTheEnd).toBeLessThan(SEEDS);
  expect(await failed(28, null)).toBe(0);
});

test("the history tells which blocks were written for whom after the cancel", async () => {
  const run = await runOnLab(abortInTransfer(12), { topology: "pd", fault: "pd-free-on-abort" });
  const landed = run.history.events.flatMap((event) =>
    event.e === "cache" && event.what === "transfer" && event.t > 12_000 ? [event] : [],
  );
  const blocksOf = (id: string) => landed.filter((event) => event.id === id).flatMap((event) => event.blocks);
  expect(blocksOf("r1")).toEqual(expect.arrayContaining(blocksOf("r2")));
});
