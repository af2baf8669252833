import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { CrosstalkError } from "../src/errors.ts";
import { formatHistory, parseHistory } from "../src/history/jsonl.ts";
import { outcomes } from "../src/history/outcome.ts";
import { EngineLostError } from "../src/target/engine-lost.ts";
import { validateTrace } from "../src/trace/read.ts";
import type { Step, Trace } from "../src/trace/schema.ts";
import { DEFAULT_SHAPE } from "../src/tracer/shape.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import type { EngineProfile } from "./engines/profile.ts";
import { ProcessServer } from "./process-server.ts";
import { ServerTarget } from "./server-target.ts";
import { manifestOfNothing } from "./testing/manifest.ts";
import { StandInEngine, type StandInOptions } from "./testing/stand-in-engine.ts";
import { UrlServer } from "./url-server.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function urlTarget(options: StandInOptions = {}): Promise<{ engine: StandInEngine; target: ServerTarget }> {
  const engine = await StandInEngine.start(options);
  stops.push(() => engine.stop());
  const server = new UrlServer({ url: engine.baseUrl, profile: llamaCpp });
  return { engine, target: new ServerTarget({ server, profile: llamaCpp, model: manifestOfNothing("m0") }) };
}

const processTarget = (...args: string[]): ServerTarget => processTargetOf(llamaCpp, ...args);

function processTargetOf(profile: EngineProfile, ...args: string[]): ServerTarget {
  const script = join(import.meta.dirname, "testing", "stand-in-server.ts");
  const command = `'${process.execPath}' '${script}' -m {model.gguf} --port {port} ${args.join(" ")}`;
  const server = new ProcessServer({ command, profile, model: "tracer.gguf" });
  const target = new ServerTarget({ server, profile, model: manifestOfNothing("m0") });
  stops.push(() => target.stop());
  return target;
}

function trace(steps: Step[], needs?: Trace["needs"]): Trace {
  return validateTrace({
    crosstalk: "crosstalk-trace/1",
    name: "test",
    ...(needs === undefined ? {} : { needs }),
    segments: { A: { seed: 1, family: 3, length: 40 } },
    steps,
  });
}

const send = (id: string, at: number, maxTokens = 8): Step => ({
  at,
  send: id,
  prompt: [{ seg: "A" }, { read: "scan" }],
  maxTokens,
});

describe("starting", () => {
  test("proves the tracer and describes the server", async () => {
    const { target } = await urlTarget({ slots: 2 });
    expect(await target.start()).toEqual({
      kind: "url",
      engine: { name: "llama.cpp", version: "stand-in", args: [] },
      topology: "single",
      blockSize: 1,
      poolCells: 2048,
      maxRunning: 2,
      contextTokens: 1024,
      canFlush: true,
      model: "m0",
      written: { shape: DEFAULT_SHAPE, format: "gguf", dtype: "f32" },
      dialect: "llama-server",
      options: ["seed", "avoid", "presence", "frequency", "ban", "session", "grammar"],
      isolation: "none",
      startsInMs: expect.any(Number),
      arms: ["main", "serialised", "no-cache", "no-cancels"],
      startCommand: [],
      fault: null,
    });
  });

  test.each<[string, StandInOptions["respond"], string]>([
    ["answers otherwise", (x) => x.token(300, 301).finish(), "answered a narrow read with p029 p02a, not with"],
    [
      "does not know the tokens",
      (x) => x.fail(400, "Prompt contains invalid tokens"),
      "HTTP 400: Prompt contains invalid",
    ],
  ])("refuses a model that %s", async (_name, respond, message) => {
    const { target } = await urlTarget({ respond: respond! });
    const start = target.start();
    await expect(start).rejects.toMatchObject({
      code: "WRONG_MODEL",
      hint: expect.stringContaining("crosstalk model write tracer --format gguf"),
    });
    await expect(start).rejects.toThrow(message);
  });
});

describe("executing", () => {
  test("gives a history that is read back as it is, with the engine's counters", async () => {
    const { target } = await urlTarget();
    await target.start();
    const history = await target.execute(trace([send("a", 0), send("b", 1)]), { arm: "no-cache" });
    expect(parseHistory(formatHistory(history))).toEqual({ history, truncated: null });
    expect(history.header).toMatchObject({ arm: "no-cache", epoch: 1, model: "m0", target: "url:llama.cpp" });
    expect(history.events.slice(-2).map((e) => e.e)).toEqual(["metrics", "end"]);
    expect(history.events.at(-2)).toMatchObject({ counters: { generatedTokens: 16 } });
    // Somebody else has its log.
    expect(target.log()).toEqual([]);
  });

  test.each<[Trace["needs"], string]>([
    [{ topology: "pd" }, "needs topology pd"],
    [{ blockSize: 16 }, "needs blocks of 16 cells"],
    [{ contextTokens: 2000 }, "needs a context of 2000 tokens"],
  ])("refuses a trace that needs %j", async (needs, message) => {
    const { engine, target } = await urlTarget();
    await target.start();
    const sent = engine.exchanges.length;
    await expect(target.execute(trace([send("a", 0)], needs), { arm: "main" })).rejects.toThrow(message);
    expect(engine.exchanges.length).toBe(sent);
  });

  test("a server that crashes: what was recorded so far, and a fresh one afterwards", async () => {
    const target = processTarget("--die-on", "5");
    await target.start();
    const error = await target.execute(trace([send("a", 0, 5)]), { arm: "main" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EngineLostError);
    const { partial, message, code } = error as EngineLostError;
    expect(code).toBe("ENGINE_LOST");
    expect(message).toContain("the server ended with exit code 9 while trace test ran");
    expect(partial.events.map((e) => e.e)).toEqual(expect.arrayContaining(["sent", "tokens"]));
    expect(parseHistory(formatHistory(partial)).truncated).toBe("the run did not end");
    expect(target.log()).toEqual([expect.stringMatching(/^listening on \d+$/)]);

    await target.restart();
    const history = await target.execute(trace([send("a", 0)]), { arm: "main" });
    expect(history.header.epoch).toBe(2);
  });

  test("a kill that the trace asks for is no loss; the next execution has the next epoch", async () => {
    const target = processTarget();
    await target.start();
    const steps: Step[] = [send("a", 0), { at: 1, wait: "a" }, { at: 2, fault: "kill" }, send("b", 3)];
    const history = await target.execute(trace(steps), { arm: "main" });
    expect(outcomes(history).get("a")?.status).toBe("finished");
    expect(history.events.some((e) => e.e === "fault" && e.fault === "kill")).toBe(true);
    const next = await target.execute(trace([send("a", 0)]), { arm: "main" });
    expect(next.header.epoch).toBe(2);
  });
});

describe("flushing between traces", () => {
  test("is shown by a probe that was cached and then is not", async () => {
    const target = processTarget("--cache-ram", "0");
    await target.start();
    expect(await target.flush()).toMatch(/^erased \d+ cells in 4 slots; cached tokens of a probe: 42 before, 0 after$/);
  });

  test("says what is missing where the server cannot", async () => {
    const { engine, target } = await urlTarget({ erases: false });
    expect((await target.start()).canFlush).toBe(false);
    expect(await target.flush()).toContain("start the server with --slot-save-path");
    const sent = engine.exchanges.length;
    const flushing = target.execute(trace([send("a", 0), { at: 1, flush: true }]), { arm: "main" });
    await expect(flushing).rejects.toMatchObject({ code: "UNSUPPORTED_BY_TARGET" });
    expect(engine.exchanges.length).toBe(sent);
  });

  test("starts a server again that refuses, though nothing runs", async () => {
    let refusals = 1;
    const profile: EngineProfile = {
      ...llamaCpp,
      flush: async (...args) => {
        if (refusals-- > 0) throw new CrosstalkError("FLUSH_REFUSED", "slot 0 is held", "Nobody holds it.");
        return llamaCpp.flush(...args);
      },
    };
    const target = processTargetOf(profile, "--cache-ram", "0");
    await target.start();
    expect(await target.flush()).toBe("not flushed: slot 0 is held; the server was started again");
    expect(await target.flush()).toMatch(/^erased/);
    expect((await target.execute(trace([send("a", 0)]), { arm: "main" })).header.epoch).toBe(2);
  });

  test("does not claim caches that it does not reach", async () => {
    const target = processTarget("--cache-ram", "64");
    expect((await target.start()).isolation).toBe("restart");
    expect(await target.flush()).toContain("not proven: the server may keep copies");
  });

  test("does not claim what it did not see", async () => {
    const { target } = await urlTarget({ respond: (x) => x.complete(7) });
    await target.start();
    expect(await target.flush()).toContain("not proven: something keeps cells elsewhere");
  });
});
