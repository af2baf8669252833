import { expect, test } from "vitest";
import { formatHistory } from "../history/jsonl.ts";
import type { Target } from "../target/target.ts";
import type { Step, Trace } from "../trace/schema.ts";
import { labTarget } from "./target.ts";
import { randomTrace } from "./testing/random-trace.ts";

const lab = () => labTarget({ topology: "pd", model: "symbols" });
const extended = (step: Step): Trace => {
  const trace = randomTrace(1, { requests: 2, cancels: 0 });
  return { ...trace, steps: [...trace.steps, step] };
};

test("a lab describes itself", async () => {
  expect(await labTarget({ topology: "pd", fault: "lost-tail", model: "symbols" }).start()).toMatchObject({
    kind: "lab",
    topology: "pd",
    blockSize: 16,
    poolCells: 1024,
    model: "symbols",
    fault: "lost-tail",
  });
});

test("after a flush or a restart nothing is left of earlier traces", async () => {
  const target = lab();
  const trace = randomTrace(1);
  const first = await target.execute(trace, { arm: "main" });
  await target.execute(randomTrace(2), { arm: "main" });
  expect(await target.flush()).toMatch(/^forgot [1-9]\d* cached blocks/);
  expect(formatHistory(await target.execute(trace, { arm: "main" }))).toBe(formatHistory(first));
  await target.restart();
  const third = await target.execute(trace, { arm: "main" });
  expect(third.header.epoch).toBe(2);
  expect(third.events).toEqual(first.events);
});

test("with jitter each run of a trace has a timing of its own, which can be had again", async () => {
  const trace = randomTrace(1);
  const ran = async (target: Target, run?: number) => {
    await target.flush();
    return target.execute(trace, run === undefined ? { arm: "main" } : { arm: "main", run });
  };
  const target = labTarget({ topology: "pd", model: "symbols", jitter: true });
  const third = await ran(target, 3);
  expect(third.header.engine.args).toEqual(["--topology", "pd", "--scheduler-seed", "3"]);
  expect((await ran(target, 4)).events).not.toEqual(third.events);
  expect(await ran(target, 3)).toEqual(third);
  expect(await ran(labTarget({ topology: "pd", model: "symbols", schedulerSeed: 3 }))).toEqual(third);
  expect(await ran(target)).toEqual(await ran(lab(), 3));
});

test("traces follow each other on a lab that is not flushed", async () => {
  const target = lab();
  const trace = randomTrace(1, { requests: 4, cancels: 0 });
  const cached = async () => {
    const { events } = await target.execute(trace, { arm: "main" });
    return events.reduce((sum, event) => sum + (event.e === "finished" ? (event.cached ?? 0) : 0), 0);
  };
  const first = await cached();
  expect(await cached()).toBeGreaterThan(first);
});

test.each<[string, Trace, RegExp]>([
  ["a step", extended({ at: 500, fault: "kill" }), /step \d: the lab cannot be made to kill/],
  ["a topology", { ...extended({ at: 500, flush: true }), needs: { topology: "single" } }, /needs topology single/],
  ["a block size", { ...extended({ at: 500, flush: true }), needs: { blockSize: 8 } }, /needs blocks of 8 cells/],
  ["a context", { ...extended({ at: 500, flush: true }), needs: { contextTokens: 4096 } }, /needs a context of 4096/],
])("a trace that needs %s the lab has not is refused before it runs", async (_, trace, message) => {
  await expect(lab().execute(trace, { arm: "main" })).rejects.toMatchObject({
    code: "UNSUPPORTED_BY_TARGET",
    message: expect.stringMatching(message),
  });
});

test.each([
  [{ fault: "no-such" }, /no fault "no-such"/],
  [{ fault: "pd-free-on-abort" }, /cannot show in topology single/],
  [{ blockSize: 0 }, /blockSize is 0/],
  [{ poolBlocks: 10 }, /pool of 10 blocks/],
  [{ draftTokens: -1 }, /draftTokens is -1/],
  [{ schedulerSeed: 0.5 }, /schedulerSeed is 0.5/],
  [{ draftTokens: 2, asyncScheduling: true }, /does not plan ahead of drafts/],
  [{ movesPerStep: 0.5 }, /movesPerStep is 0.5/],
  [{ movesPerStep: 4, asyncScheduling: true }, /does not move blocks that a step is planned on/],
])("options that make no lab are refused: %o", (options, message) => {
  expect(() => labTarget({ ...options, model: "symbols" })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }),
  );
});

test("a wait holds later steps back, and shifts them", async () => {
  const trace = randomTrace(1, { requests: 1, cancels: 0 });
  const [first] = trace.steps;
  const steps: Step[] = [
    first!,
    { at: first!.at, wait: "r0" },
    { ...first!, at: first!.at + 5, send: "later" } as Step,
  ];
  const { events } = await lab().execute({ ...trace, steps }, { arm: "main" });
  const settled = events.find((event) => event.e === "finished")!.t;
  expect(events).toContainEqual(
    expect.objectContaining({ e: "sent", id: "later", t: settled + 5000, at: settled + 5000 }),
  );
});
