import { afterEach, describe, expect, test } from "vitest";
import type { CrosstalkError } from "../src/errors.ts";
import { outcomes } from "../src/history/outcome.ts";
import type { HistoryEvent } from "../src/history/schema.ts";
import { eventSchema } from "../src/history/schema.ts";
import { expectedTokens, resolveRequests } from "../src/trace/prompt.ts";
import { validateTrace } from "../src/trace/read.ts";
import type { Step, Trace } from "../src/trace/schema.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { type RunOptions, runTrace } from "./executor.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { type Exchange, StandInEngine, type StandInOptions } from "./testing/stand-in-engine.ts";

const engines: StandInEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop();
});

async function standIn(options: StandInOptions = {}): Promise<StandInEngine> {
  const engine = await StandInEngine.start(options);
  engines.push(engine);
  return engine;
}

const holds = () => {};

function trace(...steps: Step[]): Trace {
  return validateTrace({
    crosstalk: "crosstalk-trace/1",
    name: "test",
    segments: { A: { seed: 1, family: 3, length: 40 }, B: { seed: 2, family: 9, length: 40 } },
    steps,
  });
}

const send = (id: string, at: number, seg = "A", maxTokens = 8): Step => ({
  at,
  send: id,
  prompt: [{ seg }, { read: "narrow", back: 20 }],
  maxTokens,
});

function options(engine: StandInEngine, more: Partial<RunOptions> = {}): RunOptions {
  return { baseUrl: engine.baseUrl, profile: llamaCpp, flush: null, faults: null, ...more };
}

const outcomesOf = (events: readonly HistoryEvent[]) => outcomes({ events });

describe("what an execution records", () => {
  test("every request's exact answer, its cached tokens and slot, in order of time", async () => {
    const engine = await standIn();
    const t = trace(send("a", 0), send("b", 1, "B"), send("c", 2));
    const { end, events } = await runTrace(t, options(engine));

    expect(end).toBe("settled");
    expect(events.map((e) => eventSchema.parse(e))).toEqual(events);
    expect(events.map((e) => e.t)).toEqual(events.map((e) => e.t).sort((x, y) => x - y));
    const found = outcomesOf(events);
    for (const [id, request] of resolveRequests(t)) {
      expect(found.get(id)).toMatchObject({
        status: "finished",
        tokens: [...expectedTokens(request)],
        place: "slot 0",
      });
    }
    expect(events.at(-1)).toMatchObject({ e: "end" });
  });

  test("the prompt as a hash of its ids, never the ids", async () => {
    const engine = await standIn();
    const { events } = await runTrace(trace(send("a", 0), send("b", 0), send("c", 0, "B")), options(engine));
    const [a, b, c] = events.filter((e) => e.e === "sent");
    expect(a).toMatchObject({ tokens: 43, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(b?.sha256).toBe(a?.sha256);
    expect(c?.sha256).not.toBe(a?.sha256);
  });

  test("events split anywhere, within a character too", async () => {
    const text = new TextEncoder().encode(
      `: ping\n\ndata: {"content":"é","tokens":[301],"stop":false}\n\ndata: {"content":"","tokens":[302],"stop":false}\r\n\r\ndata: {"tokens":[],"stop":true,"stop_type":"limit","id_slot":2,"timings":{"cache_n":7}}`,
    );
    const engine = await standIn({
      respond: async (exchange) => {
        for (const byte of text) {
          exchange.raw(Uint8Array.of(byte));
          await new Promise(setImmediate);
        }
        exchange.end();
      },
    });
    const { events } = await runTrace(trace(send("a", 0)), options(engine));
    expect(outcomesOf(events).get("a")).toMatchObject({
      status: "finished",
      tokens: [301, 302],
      cached: 7,
      place: "slot 2",
    });
  });

  test("how late each step was, from the intended time", async () => {
    const engine = await standIn();
    const clock = new ManualClock();
    const run = runTrace(trace(send("a", 0), send("b", 10)), options(engine, { clock }));
    clock.moveTo(10);
    const { events } = await run;
    expect(events.filter((e) => e.e === "sent")).toMatchObject([
      { id: "a", t: 0, at: 0 },
      { id: "b", t: 10_000, at: 10_000 },
    ]);
    expect(events.at(-1)).toMatchObject({ latenessP99: 0, latenessMax: 0 });
  });
});

describe("what went wrong with a request", () => {
  test.each<[string, (exchange: Exchange) => void, string]>([
    ["an HTTP error status", (x) => x.fail(500, "Context size has been exceeded."), "HTTP 500: Context size has been"],
    [
      "an error in the stream",
      (x) => x.raw('data: {"error":{"code":500,"message":"slot lost"}}\n\n').end(),
      "STREAM 500: slot lost",
    ],
    ["a broken connection", (x) => x.token(301).drop(), "CONNECTION: "],
    ["a stream without its last event", (x) => x.token(301).end(), "TRUNCATED: "],
    ["an event of another dialect", (x) => x.raw('data: {"choices":[]}\n\n').end(), "PROTOCOL: not an event of"],
  ])("%s", async (_name, respond, error) => {
    const engine = await standIn({ respond });
    const { end, events } = await runTrace(trace(send("a", 0)), options(engine));
    const outcome = outcomesOf(events).get("a");
    expect(end).toBe("settled");
    expect(outcome?.status).toBe("failed");
    expect(outcome?.error).toContain(error);
  });

  test("a server that is not there", async () => {
    const engine = await StandInEngine.start();
    const gone = options(engine);
    await engine.stop();
    const { events, connectionsLost } = await runTrace(trace(send("a", 0), send("b", 1)), gone);
    expect(connectionsLost).toBe(2);
    expect(outcomesOf(events).get("b")?.error).toContain("CONNECTION: connect ECONNREFUSED");
  });

  test("a request that hangs stays open when the run's time is up", async () => {
    const engine = await standIn({ respond: (x) => x.token(301) });
    const clock = new ManualClock();
    const run = runTrace(trace(send("a", 0)), options(engine, { clock, drainMs: 5000 }));
    const exchange = await engine.exchange(0);
    clock.moveTo(5000);
    const { end, events } = await run;
    await exchange.closed;
    expect(end).toBe("open");
    expect(outcomesOf(events).get("a")?.status).toBe("open");
  });

  test("a slow engine has as long as it needs; its pings are not an answer", async () => {
    const engine = await standIn({ respond: holds });
    const clock = new ManualClock();
    const run = runTrace(trace(send("a", 0)), options(engine, { clock, drainMs: 5000 }));
    const exchange = await engine.exchange(0);
    clock.moveTo(4000);
    const token = clock.read();
    exchange.token(301);
    await token;
    clock.moveTo(8000);
    const ping = clock.read();
    exchange.raw(": ping\n\n");
    await ping;
    clock.moveTo(9000);
    const { end, events } = await run;
    expect(end).toBe("open");
    expect(events.at(-1)?.t).toBe(9_000_000);
  });
});

describe("cancel", () => {
  test("at a time", async () => {
    const engine = await standIn({ respond: holds });
    const clock = new ManualClock();
    const run = runTrace(trace(send("a", 0), { at: 15, cancel: "a" }), options(engine, { clock }));
    const exchange = await engine.exchange(0);
    clock.moveTo(15);
    const { events } = await run;
    await exchange.closed;
    expect(events.filter((e) => e.e === "cancelled")).toEqual([{ e: "cancelled", id: "a", t: 15_000, at: 15_000 }]);
  });

  test("so many milliseconds after the request was really sent", async () => {
    const engine = await standIn({ respond: holds });
    const clock = new ManualClock();
    const t = trace(send("a", 10), { at: 10, cancel: "a", afterMs: 15 });
    const run = runTrace(t, options(engine, { clock }));
    clock.moveTo(10);
    await engine.exchange(0);
    clock.moveTo(25);
    const { events } = await run;
    expect(events.filter((e) => e.e === "cancelled")).toEqual([{ e: "cancelled", id: "a", t: 25_000, at: 25_000 }]);
  });

  test("whose time has passed when its step is reached", async () => {
    const engine = await standIn({ respond: holds });
    const clock = new ManualClock();
    const t = trace(send("a", 0), send("b", 0, "B", 4), { at: 5, wait: "b" }, { at: 5, cancel: "a", afterMs: 7 });
    const run = runTrace(t, options(engine, { clock }));
    await engine.exchange(1);
    clock.moveTo(30);
    engine.exchanges.find((x) => x.maxTokens === 4)!.complete();
    const { end, events } = await run;
    expect(end).toBe("settled");
    expect(events.filter((e) => e.e === "cancelled")).toMatchObject([{ id: "a", t: 30_000, at: 30_000 }]);
  });

  test("after so many tokens, and nothing later is kept", async () => {
    const engine = await standIn({
      respond: async (exchange) => {
        let open = true;
        exchange.closed.then(() => {
          open = false;
        });
        for (let id = 301; open; id++) {
          exchange.token(id);
          await new Promise(setImmediate);
        }
      },
    });
    const { end, events } = await runTrace(
      trace(send("a", 0), { at: 0, cancel: "a", afterTokens: 3 }),
      options(engine),
    );
    const outcome = outcomesOf(events).get("a")!;
    expect(end).toBe("settled");
    expect(outcome.status).toBe("cancelled");
    expect(outcome.tokens.slice(0, 3)).toEqual([301, 302, 303]);
    expect(outcome.tokenTimes.every((t) => t <= outcome.settledAt!)).toBe(true);
  });

  test("of a request that has settled is not an event", async () => {
    const engine = await standIn();
    const t = trace(send("a", 0), { at: 1, wait: "a" }, { at: 2, cancel: "a" });
    const { events } = await runTrace(t, options(engine));
    expect(events.some((e) => e.e === "cancelled")).toBe(false);
    expect(outcomesOf(events).get("a")?.status).toBe("finished");
  });

  test("before there is a connection", async () => {
    const engine = await standIn({ respond: holds });
    const { end, events } = await runTrace(trace(send("a", 0), { at: 0, cancel: "a" }), options(engine));
    expect(end).toBe("settled");
    expect(outcomesOf(events).get("a")?.status).toBe("cancelled");
  });
});

describe("wait", () => {
  test("holds the later steps, and pushes them back by its own lateness", async () => {
    const engine = await standIn({ respond: holds });
    const clock = new ManualClock();
    const t = trace(send("a", 0), { at: 10, wait: "a" }, send("b", 20, "B"));
    const run = runTrace(t, options(engine, { clock }));
    const a = await engine.exchange(0);
    clock.moveTo(10);
    clock.moveTo(50);
    expect(engine.exchanges.length).toBe(1);
    a.complete();
    await clock.scheduled(60);
    clock.moveTo(60);
    (await engine.exchange(1)).complete();
    const { events } = await run;
    expect(events.filter((e) => e.e === "sent").map((e) => [e.id, e.t, e.at])).toEqual([
      ["a", 0, 0],
      ["b", 60_000, 60_000],
    ]);
    expect(events.at(-1)).toMatchObject({ latenessMax: 0 });
  });

  test("for a request that has settled changes nothing", async () => {
    const engine = await standIn();
    const clock = new ManualClock();
    const t = trace(send("a", 0), { at: 0, wait: "a" }, { at: 40, wait: "a" }, send("b", 41, "B"));
    const run = runTrace(t, options(engine, { clock }));
    await clock.scheduled(40);
    clock.moveTo(40);
    clock.moveTo(41);
    const { events } = await run;
    expect(events.filter((e) => e.e === "sent").map((e) => e.at)).toEqual([0, 41_000]);
  });

  test("for a request that hangs ends the run with what is known", async () => {
    const engine = await standIn({ respond: holds });
    const clock = new ManualClock();
    const run = runTrace(
      trace(send("a", 0), { at: 10, wait: "a" }, send("b", 20)),
      options(engine, { clock, drainMs: 500 }),
    );
    await engine.exchange(0);
    clock.moveTo(10);
    clock.moveTo(510);
    const { end, events } = await run;
    expect(end).toBe("open");
    expect([...outcomesOf(events).keys()]).toEqual(["a"]);
  });
});

describe("what the target does", () => {
  test("a flush holds the later steps until the engine has answered", async () => {
    const engine = await standIn();
    const clock = new ManualClock();
    const flushing = Promise.withResolvers<string>();
    const run = runTrace(
      trace({ at: 5, flush: true }, send("a", 6)),
      options(engine, { clock, flush: () => flushing.promise }),
    );
    clock.moveTo(30);
    flushing.resolve("erased 12 cells");
    await clock.scheduled(31);
    clock.moveTo(31);
    const { events } = await run;
    expect(events[0]).toEqual({ e: "flushed", t: 30_000, at: 5_000, proof: "erased 12 cells" });
    expect(events[1]).toMatchObject({ e: "sent", t: 31_000 });
  });

  test("a flush that is refused is recorded as that", async () => {
    const engine = await standIn();
    const flush = () => Promise.reject(new Error("slots are busy"));
    const { events } = await runTrace(trace({ at: 0, flush: true }), options(engine, { flush }));
    expect(events[0]).toMatchObject({ e: "flushed", proof: "not flushed: slots are busy" });
  });

  test("pause and resume, and a kill that explains lost connections", async () => {
    const engine = await standIn({ respond: holds });
    const done: string[] = [];
    const faults = {
      pause: async () => void done.push("pause"),
      resume: async () => void done.push("resume"),
      throttle: async (share: number | null) => void done.push(`throttle ${share}`),
      kill: async () => {
        done.push("kill");
        engine.exchanges[0]!.drop();
      },
    };
    const clock = new ManualClock();
    const t = trace(
      send("a", 0),
      { at: 1, fault: "pause", forMs: 4 },
      { at: 6, fault: "throttle", share: 0.1, forMs: 1 },
      { at: 8, fault: "throttle", share: 0.2 },
      { at: 9, fault: "kill" },
    );
    const run = runTrace(t, options(engine, { clock, faults }));
    await engine.exchange(0);
    clock.moveTo(9);
    const { end, killed, events } = await run;
    expect(done).toEqual(["pause", "resume", "throttle 0.1", "throttle null", "throttle 0.2", "kill", "throttle null"]);
    expect({ end, killed }).toEqual({ end: "settled", killed: true });
    expect(events.filter((e) => e.e === "fault").map((e) => [e.fault, e.at])).toEqual([
      ["pause", 1000],
      ["resume", 5000],
      ["throttle", 6000],
      ["unthrottle", 7000],
      ["throttle", 8000],
      ["kill", 9000],
    ]);
    expect(outcomesOf(events).get("a")?.error).toContain("CONNECTION");
  });

  test.each<[string, Step, string]>([
    ["flush", { at: 0, flush: true }, "flush its cache"],
    ["pause", { at: 0, fault: "pause", forMs: 1 }, "be made to pause"],
    ["kill", { at: 0, fault: "kill" }, "be made to kill"],
    ["throttle", { at: 0, fault: "throttle", share: 0.5 }, "be made to throttle"],
  ])("refuses a %s it cannot do before anything is sent", async (_name, step, message) => {
    const engine = await standIn();
    const run = runTrace(trace(send("a", 0), step), options(engine));
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toMatchObject({ code: "UNSUPPORTED_BY_TARGET" } satisfies Partial<CrosstalkError>);
    expect(engine.exchanges).toEqual([]);
  });
});

describe("an execution that ends early", () => {
  test("gives what it has when the server's process is gone", async () => {
    const engine = await standIn({ respond: (x) => x.token(301) });
    const lost = new AbortController();
    const run = runTrace(trace(send("a", 0)), options(engine, { lost: lost.signal }));
    await engine.exchange(0);
    lost.abort();
    const { end, events } = await run;
    expect(end).toBe("lost");
    expect(events.map((e) => e.e)).toEqual(expect.arrayContaining(["sent", "end"]));
  });

  test("rejects with the caller's reason, and hangs up", async () => {
    const engine = await standIn({ respond: holds });
    const caller = new AbortController();
    const run = runTrace(trace(send("a", 0)), options(engine, { signal: caller.signal }));
    const exchange = await engine.exchange(0);
    caller.abort(new Error("enough"));
    await expect(run).rejects.toThrow("enough");
    await exchange.closed;
  });
});

test("2,000 streams are open at once and every one completes", async () => {
  const waiting: Exchange[] = [];
  const engine = await standIn({
    respond: (exchange) => {
      exchange.token(exchange.answer[0]!);
      if (waiting.push(exchange) < 2000) return;
      for (const open of waiting) open.token(...open.answer.slice(1)).finish();
    },
  });
  const steps = Array.from({ length: 2000 }, (_, i) => send(`r${i}`, 0, i % 2 ? "A" : "B"));
  const t = trace(...steps);
  const { end, events } = await runTrace(t, options(engine));
  expect(end).toBe("settled");
  const found = outcomesOf(events);
  const expected = resolveRequests(t);
  expect([...found.values()].filter((o) => o.status === "finished").length).toBe(2000);
  for (const [id, o] of found) expect(o.tokens).toEqual([...expectedTokens(expected.get(id)!)]);
});
