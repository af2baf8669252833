import { describe, expect, test } from "vitest";
import { HISTORY_VERSION, type History, type HistoryEvent } from "../history/schema.ts";
import { type Part, type Step, TRACE_VERSION, type Trace } from "../trace/schema.ts";
import { scanToken } from "../tracer/vocabulary.ts";
import { coverage } from "./coverage.ts";
import { type Run, toRun } from "./property.ts";

const scan: Part = { read: "scan" };
const narrow = (back: number): Part => ({ read: "narrow", back });

function send(id: string, read: Part, maxTokens: number): Step {
  return { at: 0, send: id, prompt: [{ seg: "A" }, read], maxTokens };
}

function run(steps: Step[], events: HistoryEvent[]): Run {
  const trace: Trace = {
    crosstalk: TRACE_VERSION,
    name: "coverage",
    segments: { A: { seed: 1, family: 0, length: 19 } },
    steps,
  };
  const header: History["header"] = {
    crosstalk: HISTORY_VERSION,
    trace: { name: "coverage", sha256: "" },
    arm: "main",
    epoch: 1,
    engine: { name: "hand", version: "1", args: [] },
    target: "hand",
    model: "m",
    machine: "x",
    clock: "virtual",
  };
  return toRun(trace, { header, events });
}

const sent = (t: number, id: string): HistoryEvent => ({ t, e: "sent", at: t, id, tokens: 20, sha256: "" });
const answer = (t: number, id: string, count = 1): HistoryEvent => ({
  t,
  e: "tokens",
  id,
  ids: new Array<number>(count).fill(scanToken([0])),
});
const finished = (t: number, id: string, cached: number | null = 0): HistoryEvent => ({
  t,
  e: "finished",
  id,
  reason: "length",
  cached,
});
const eviction = (t: number): HistoryEvent => ({ t, e: "cache", what: "eviction", blocks: [1] });

describe("cells", () => {
  test("a grammar gives the right answer whatever they hold, so none counts as read", () => {
    const held: Step = { ...send("r", scan, 3), grammar: true } as Step;
    const one = run([held], [sent(0, "r"), answer(10, "r", 3), finished(11, "r")]);
    expect(coverage([one])).toMatchObject({ tokens: 3, cells: { held: 22, read: 0 }, cellReads: 0 });
  });

  test("each choice reads its own, that of a choice without tokens none", () => {
    const step = { ...send("r", scan, 3), n: 3 };
    const other: HistoryEvent = { t: 10, e: "tokens", id: "r", choice: 1, ids: [scanToken([0])] };
    const one = run([step], [sent(0, "r"), answer(10, "r", 3), other, finished(11, "r")]);
    expect(coverage([one])).toMatchObject({
      requests: 1,
      finished: 1,
      cells: { held: 22 + 20 + 20, read: 22 + 20 },
      cellReads: 63 + 20,
      tokens: 4,
    });
  });

  test("a scan reads its whole context with each token", () => {
    const one = run([send("r", scan, 3)], [sent(0, "r"), answer(10, "r", 3), finished(11, "r")]);
    // 20 prompt cells and 2 fed back; 20 + 21 + 22 reads.
    expect(coverage([one])).toMatchObject({
      cells: { held: 22, read: 22, readAfterRisk: 0 },
      cellReads: 63,
      tokens: 3,
    });
  });

  test("a narrow read reads one cell a token", () => {
    const one = run([send("r", narrow(5), 3)], [sent(0, "r"), answer(10, "r", 3), finished(11, "r")]);
    // The read itself is three cells.
    expect(coverage([one])).toMatchObject({ cells: { held: 24, read: 3, readAfterRisk: 0 }, cellReads: 3 });
  });

  test("a find read reads one cell with all its tokens", () => {
    const one = run([send("r", { read: "find", back: 19 }, 3)], [sent(0, "r"), answer(10, "r", 3), finished(11, "r")]);
    expect(coverage([one])).toMatchObject({ cells: { held: 23, read: 1, readAfterRisk: 0 }, cellReads: 3 });
  });

  test("under a nonce each token reads its whole context, whatever it asks", () => {
    const marked: Step = { at: 0, send: "r", prompt: [{ nonce: 5 }, { seg: "A" }, narrow(5)], maxTokens: 3 };
    const one = run([marked], [sent(0, "r"), answer(10, "r", 3), finished(11, "r")]);
    expect(coverage([one])).toMatchObject({ cells: { held: 25, read: 25 }, cellReads: 23 + 24 + 25 });
  });

  test("a request without a token holds nothing, unless it finished", () => {
    const cut = run([send("r", scan, 3)], [sent(0, "r"), { t: 1, e: "cancelled", at: 1, id: "r" }]);
    expect(coverage([cut])).toMatchObject({ cancels: 1, cells: { held: 0, read: 0 } });
    const empty = run([send("r", scan, 3)], [sent(0, "r"), finished(1, "r")]);
    expect(coverage([empty])).toMatchObject({ finished: 1, cells: { held: 20, read: 0 } });
  });
});

describe("read after risk", () => {
  test("own prompt cells: the event lies between sending and the last token", () => {
    const at = (t: number) =>
      coverage([run([send("r", scan, 1)], [eviction(t), sent(10, "r"), answer(20, "r"), finished(21, "r")])]).cells
        .readAfterRisk;
    expect([9, 10, 19, 20].map(at)).toEqual([0, 20, 20, 0]);
  });

  test("cells from the prefix cache: any earlier event of the run", () => {
    const one = run([send("r", scan, 1)], [eviction(1), sent(10, "r"), answer(20, "r"), finished(21, "r", 16)]);
    expect(coverage([one])).toMatchObject({ prefixHitTokens: 16, evictions: 1, cells: { readAfterRisk: 16 } });
  });

  test("fed-back cells: the event lies after the token that made them", () => {
    const events = [sent(0, "r"), answer(10, "r"), answer(20, "r"), eviction(25), answer(30, "r"), answer(40, "r")];
    expect(coverage([run([send("r", scan, 4)], [...events, finished(41, "r")])]).cells.readAfterRisk).toBe(22);
  });

  test("a narrow read counts the cells that were read after the event", () => {
    const events = [sent(0, "r"), answer(10, "r"), eviction(15), answer(20, "r", 2), finished(21, "r")];
    expect(coverage([run([send("r", narrow(9), 3)], events)]).cells).toMatchObject({ read: 3, readAfterRisk: 2 });
  });

  test("a cancel that landed is risky, one that came too late is not", () => {
    const steps = [send("r", scan, 1), send("x", scan, 9)];
    const cancelled: HistoryEvent = { t: 5, e: "cancelled", at: 5, id: "x" };
    const both = [sent(0, "r"), sent(0, "x")];
    const landed = run(steps, [...both, cancelled, answer(20, "r"), finished(21, "r")]);
    expect(coverage([landed])).toMatchObject({ cancels: 1, cells: { readAfterRisk: 20 } });
    const late = run(steps, [...both, answer(20, "r"), finished(21, "r"), finished(22, "x")]);
    expect(coverage([late])).toMatchObject({ cancels: 0, cells: { readAfterRisk: 0 } });
  });
});

describe("counters", () => {
  const metrics: HistoryEvent = { t: 9, e: "metrics", counters: { evictions: 7, preemptions: 2, transfers: 3 } };

  test("the engine's counters stand in where no cache event was told", () => {
    expect(coverage([run([send("r", scan, 1)], [metrics])])).toMatchObject({
      evictions: 7,
      preemptions: 2,
      loads: 0,
      transfers: 3,
    });
  });

  test("cache events are not counted twice", () => {
    const events: HistoryEvent[] = [eviction(1), { t: 2, e: "cache", what: "load", blocks: [] }, metrics];
    expect(coverage([run([send("r", scan, 1)], events)])).toMatchObject({ evictions: 1, preemptions: 0, loads: 1 });
  });

  test("runs add up, and no runs are nothing", () => {
    const one = run([send("r", scan, 3)], [sent(0, "r"), answer(10, "r", 3), finished(11, "r", 4)]);
    expect(coverage([one, one])).toMatchObject({
      requests: 2,
      finished: 2,
      prefixHitTokens: 8,
      tokens: 6,
      cells: { held: 44, read: 44 },
      cellReads: 126,
    });
    expect(coverage([])).toMatchObject({ requests: 0, tokens: 0, cellReads: 0 });
  });
});
