import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { outcomes } from "../src/history/outcome.ts";
import type { History } from "../src/history/schema.ts";
import { EngineLostError } from "../src/target/engine-lost.ts";
import { expectedTokens, resolveRequests } from "../src/trace/prompt.ts";
import { parseTrace, validateTrace } from "../src/trace/read.ts";
import { isSend, type Part, type Step, type Trace } from "../src/trace/schema.ts";
import { ADAPTERS } from "../src/tracer/adapter.ts";
import { ContainerServer, type ContainerServerOptions } from "./container-server.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { ProcessServer } from "./process-server.ts";
import type { Server } from "./server.ts";
import { ServerTarget } from "./server-target.ts";
import { needsDocker, tracerFile } from "./testing/docker-suite.ts";

await needsDocker();
const model = tracerFile();

const targets: ServerTarget[] = [];
afterEach(async () => {
  for (const target of targets.splice(0)) await target.stop();
});

function target(server: Server): ServerTarget {
  const made = new ServerTarget({ server, profile: llamaCpp, model: model.manifest });
  targets.push(made);
  return made;
}

const container = (more: Partial<ContainerServerOptions> = {}) =>
  new ContainerServer({ profile: llamaCpp, model: model.path, ...more });

/** Narrow reads and scans over shared prefixes; every other request is cancelled after a few tokens. */
function crowd(requests: number): Trace {
  const steps = Array.from({ length: requests }, (_, i): Step[] => [
    {
      at: i,
      send: `r${i}`,
      prompt: [
        { seg: "A", to: 40 + (i % 7) },
        { seg: i % 2 ? "B" : "C" },
        i % 3 ? { read: "scan" } : { read: "narrow", back: 60 },
      ],
      maxTokens: 24,
    },
    ...(i % 2 ? [{ at: i, cancel: `r${i}`, afterTokens: 1 + (i % 5) }] : []),
  ]).flat();
  return withSteps(steps);
}

/** 32 turns under a nonce, each over all that went before; a branch in the middle; then a scan and a find read. */
function talk(): Trace {
  const said: Part[] = [{ nonce: 0x5a }, { seg: "A" }];
  const steps = Array.from({ length: 32 }, (_, turn): Step => {
    if (turn === 7) said.push({ branch: 3 });
    said.push({ seg: turn % 2 ? "B" : "C", to: 3 + (turn % 5) });
    const read: Part = { read: "narrow", back: 9 + 7 * turn };
    const step: Step = { at: 0, send: `t${turn}`, prompt: [...said, read], maxTokens: 6 };
    said.push(read, { answer: 6 });
    return step;
  });
  const scan: Step = { at: 0, send: "scan", prompt: [...said, { read: "scan" }], maxTokens: 6 };
  const find: Step = {
    at: 0,
    send: "find",
    prompt: [{ nonce: 7 }, { seg: "D" }, { read: "find", back: 61 }],
    maxTokens: 6,
  };
  return withSteps([...steps, scan, find]);
}

/** Dice with every kind of parameter, greedy ones among them, and seeded scans; some are cancelled. */
function thrown(requests: number): Trace {
  const own = [{}, { presence: 1.75 }, { seed: 5 }, { frequency: 1.125 }, {}, { ban: 2 }, { presence: 0.75, ban: 1 }];
  const steps = Array.from({ length: requests }, (_, i): Step[] => {
    const cells: Part[] = [{ seg: "A", to: 20 + (i % 9) }, { seg: i % 2 ? "B" : "C" }];
    const [at, send, maxTokens] = [i, `r${i}`, 8 + (i % 9)];
    if (i % 5 === 4) return [{ at, send, prompt: [...cells, { read: "scan" }], maxTokens, seed: i }];
    const read: Part = { read: "dice", ladder: i % 8 };
    const step: Step = { at, send, prompt: [...cells, read], maxTokens, ...own[i % own.length] };
    return i % 6 === 3 ? [step, { at, cancel: send, afterTokens: 3 }] : [step];
  });
  return withSteps(steps.flat());
}

function withSteps(steps: Step[]): Trace {
  return validateTrace({
    crosstalk: "crosstalk-trace/1",
    name: "container",
    segments: {
      A: { seed: 1, family: 0, length: 60 },
      B: { seed: 2, family: 21, length: 50 },
      C: { seed: 3, family: 42, length: 50 },
      D: { seed: 4, family: 42, length: 90, distinct: true },
    },
    steps,
  });
}

/** Requests with a token that is not the only right one. */
function wrong(trace: Trace, history: History): string[] {
  const found = outcomes(history);
  return [...resolveRequests(trace)].flatMap(([id, request]) => {
    const expected = expectedTokens(request);
    return found.get(id)?.tokens.some((token, i) => token !== expected[i]) ? [id] : [];
  });
}

const statuses = (history: History) => new Set([...outcomes(history).values()].map((o) => o.status));

/** Four slots of 1,024 cells, without copies of old prompts in RAM, which outlive a slot's erasing. */
const withoutRamCache = { extraArgs: ["-np", "4", "-c", "4096", "--no-kv-unified", "--cache-ram", "0"] };

describe("llama-server in a container", () => {
  test("holds the tracer; answers a crowd with cancels exactly; is flushed with proof", async () => {
    const t = target(container(withoutRamCache));
    const description = await t.start();
    expect(description).toMatchObject({ kind: "container", maxRunning: 4, poolCells: 4096, contextTokens: 1024 });
    const trace = crowd(40);
    const history = await t.execute(trace, { arm: "main" });
    expect(wrong(trace, history)).toEqual([]);
    expect(statuses(history)).toEqual(new Set(["finished", "cancelled"]));
    const metrics = history.events.find((e) => e.e === "metrics");
    expect(metrics?.counters.promptTokensCached).toBeGreaterThan(0);
    expect(await t.flush()).toMatch(/^erased \d+ cells in 4 slots; cached tokens of a probe: 42 before, 0 after$/);
  });

  test("answers a conversation of 32 turns under a nonce, and a find read, exactly", async () => {
    const t = target(container(withoutRamCache));
    await t.start();
    const trace = talk();
    const history = await t.execute(trace, { arm: "main" });
    expect(wrong(trace, history)).toEqual([]);
    expect(statuses(history)).toEqual(new Set(["finished"]));
  });

  test("throws dice with each request's own parameters, beside seeds and cancels", async () => {
    const t = target(container(withoutRamCache));
    await t.start();
    const trace = thrown(48);
    const history = await t.execute(trace, { arm: "main" });
    expect(wrong(trace, history)).toEqual([]);
    expect(statuses(history)).toEqual(new Set(["finished", "cancelled"]));
  });

  test("reads its own answer in a second and third lap", async () => {
    const t = target(container(withoutRamCache));
    await t.start();
    const trace = withSteps([
      { at: 0, send: "lap", prompt: [{ seg: "A" }, { read: "narrow", back: 20 }], maxTokens: 70 },
      { at: 0, send: "beside", prompt: [{ seg: "B" }, { read: "narrow", back: 7 }], maxTokens: 70 },
    ]);
    expect(wrong(trace, await t.execute(trace, { arm: "main" }))).toEqual([]);
  });

  test("answers requests under each adapter, and under none, exactly, over one shared prefix", async () => {
    const t = target(container({ ...withoutRamCache, adapters: model.adapters! }));
    expect((await t.start()).options).toContain("adapter");
    const adapters = [...ADAPTERS, "base"] as const;
    const trace = withSteps(
      crowd(40).steps.map((step, i) => (isSend(step) ? { ...step, adapter: adapters[i % adapters.length] } : step)),
    );
    const history = await t.execute(trace, { arm: "main" });
    expect(wrong(trace, history)).toEqual([]);
    expect(statuses(history)).toEqual(new Set(["finished", "cancelled"]));
  });

  test("takes over another adapter's cells for a request that names none: its own bug, and it is seen", async () => {
    const t = target(container({ ...withoutRamCache, adapters: model.adapters! }));
    await t.start();
    const trace = parseTrace(readFileSync("corpus/found/llama-cpp-adapter-left-out/trace.json", "utf8"));
    expect(wrong(trace, await t.execute(trace, { arm: "main" }))).toEqual(["r2"]);
  });

  test("flushes in the middle of a trace: what was cached is computed anew", async () => {
    const t = target(container(withoutRamCache));
    await t.start();
    const ask = (id: string, at: number): Step[] => [
      { at, send: id, prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 2 },
      { at, wait: id },
    ];
    const trace = withSteps([...ask("cold", 0), ...ask("warm", 1), { at: 2, flush: true }, ...ask("again", 3)]);
    const found = outcomes(await t.execute(trace, { arm: "main" }));
    expect([...found.values()].map((o) => o.cached)).toEqual([0, 60, 0]);
  });

  test("is paused, throttled, killed and started afresh", async () => {
    const t = target(container());
    await t.start();
    const ask: Step = { at: 0, send: "a", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 64 };
    const paused = await t.execute(withSteps([{ at: 0, fault: "pause", forMs: 50 }, ask]), { arm: "main" });
    expect(paused.events.filter((e) => e.e === "fault").map((e) => e.fault)).toEqual(["pause", "resume"]);
    expect(statuses(paused)).toEqual(new Set(["finished"]));

    const slow = await t.execute(withSteps([{ at: 0, fault: "throttle", share: 0.2, forMs: 50 }, ask]), {
      arm: "main",
    });
    expect(slow.events.filter((e) => e.e === "fault").map((e) => e.fault)).toEqual(["throttle", "unthrottle"]);
    expect(statuses(slow)).toEqual(new Set(["finished"]));

    const killed = await t.execute(withSteps([ask, { at: 0, fault: "kill" }]), { arm: "main" });
    expect(killed.header.epoch).toBe(1);
    const next = await t.execute(withSteps([ask]), { arm: "main" });
    expect(next.header.epoch).toBe(2);
    expect(statuses(next)).toEqual(new Set(["finished"]));
  });

  test("that dies by itself is lost, with what was recorded", async () => {
    const server = container();
    const t = target(server);
    await t.start();
    const running = t.execute(crowd(40), { arm: "main" }).catch((error: unknown) => error);
    await server.faults.kill();
    const error = await running;
    expect(error).toBeInstanceOf(EngineLostError);
    expect((error as EngineLostError).message).toContain("the server ended by signal number 9");
  });

  test("that refuses its arguments: exit code and its own words", async () => {
    const start = target(container({ extraArgs: ["--no-such-argument"] })).start();
    await expect(start).rejects.toMatchObject({ code: "ENGINE_EXITED" });
    await expect(start).rejects.toThrow(/exit code 1[\s\S]*no-such-argument/);
  });

  test("whose image is not here: the command that builds it", async () => {
    const profile = { ...llamaCpp, image: { ...llamaCpp.image, name: "crosstalk/no-such-image:local" } };
    const start = new ContainerServer({ profile, model: model.path }).start();
    await expect(start).rejects.toMatchObject({
      code: "IMAGE_MISSING",
      hint: expect.stringContaining("docker build -t crosstalk/llama.cpp:local docker/llama-cpp"),
    });
  });
});

test("llama-server started by a command line", async () => {
  const command = [
    "docker run --rm --network host --label crosstalk=1 -v {model.gguf}:/model/tracer.gguf:ro",
    `${llamaCpp.image.name} -m /model/tracer.gguf --port {port} -np 2 -c 1024 -t 1 --slot-save-path /tmp --metrics`,
  ].join(" ");
  const t = target(new ProcessServer({ command, profile: llamaCpp, model: model.path }));
  expect(await t.start()).toMatchObject({ kind: "process", maxRunning: 2, contextTokens: 512 });
  const trace = crowd(10);
  expect(wrong(trace, await t.execute(trace, { arm: "main" }))).toEqual([]);
});
