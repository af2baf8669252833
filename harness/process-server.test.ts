import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { engineClient } from "./engine-client.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import { freePort } from "./port.ts";
import { ProcessServer, type ProcessServerOptions } from "./process-server.ts";

const SCRIPT = join(import.meta.dirname, "testing", "stand-in-server.ts");
const NODE = process.execPath;

const servers: ProcessServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

function server(command: string, more: Partial<ProcessServerOptions> = {}): ProcessServer {
  const made = new ProcessServer({ command, profile: llamaCpp, model: "/models/tracer.gguf", ...more });
  servers.push(made);
  return made;
}

const standIn = (...args: string[]) =>
  [`'${NODE}'`, `'${SCRIPT}'`, "-m", "{model.gguf}", "--port", "{port}", ...args].join(" ");

describe("a server started by a command", () => {
  test("gets model and port, is waited for, and stops", async () => {
    const s = server(standIn());
    const baseUrl = await s.start();
    expect((await engineClient(baseUrl).get("/health")).status).toBe(200);
    expect(s.alive).toBe(true);
    expect(s.args).toContain("/models/tracer.gguf");
    expect(s.logs().join("\n")).toContain("listening");
    await s.stop();
    expect(s.alive).toBe(false);
    await expect(engineClient(baseUrl).get("/health")).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
  });

  test("ends although a child that left its process group holds its output open", async () => {
    const leaves = `setsid sleep 600 & echo child $!; exec '${NODE}' '${SCRIPT}' --port {port}`;
    const s = server(`sh -c "${leaves}"`);
    await s.start();
    const child = Number(/^child (\d+)$/m.exec(s.logs().join("\n"))![1]);
    onTestFinished(() => void process.kill(child));
    await s.stop();
    expect(s.alive).toBe(false);
  });

  test("says how a person starts it", () => {
    const s = server("llama-server -m {model.gguf} --port {port} --slot-save-path {temporary}", { env: { X: "1" } });
    expect(s.startCommand).toEqual(["X=1 llama-server -m $MODEL --port $PORT --slot-save-path /tmp"]);
  });

  test("starts afresh", async () => {
    const s = server(standIn());
    const pid = (url: string) => engineClient(url).get("/pid");
    const first = await pid(await s.start());
    const second = await pid(await s.restart());
    expect(second.text).not.toBe(first.text);
  });

  test("is told to listeners when it dies, and not when it is stopped", async () => {
    const s = server(standIn());
    await s.start();
    const died = new Promise((resolve) => s.onExit(resolve));
    await s.faults!.kill();
    expect(await died).toEqual({ code: null, signal: "SIGKILL" });
    expect(s.alive).toBe(false);

    await s.start();
    const exits: unknown[] = [];
    s.onExit((exit) => exits.push(exit));
    await s.stop();
    expect(exits).toEqual([]);
  });

  test("stops while it is throttled and paused", async () => {
    const s = server(standIn());
    await s.start();
    await s.faults!.throttle(0.1);
    await s.faults!.pause();
    await s.stop();
    expect(s.alive).toBe(false);
  });
});

test("a server that another program runs can be stopped, but not paused or killed", () => {
  expect(server("/usr/bin/docker run --rm --network host engine --port {port}").faults).toBeNull();
  expect(server("sudo docker run engine --port {port}").faults).toBeNull();
  expect(server("llama-server --port {port}").faults).not.toBeNull();
});

describe("what can go wrong with a start", () => {
  test("no such command", async () => {
    const start = server("no-such-engine --port {port}").start();
    await expect(start).rejects.toMatchObject({ code: "ENGINE_EXITED" });
    await expect(start).rejects.toThrow("no-such-engine: command not found");
  });

  test("it ends at once: exit code and last lines", async () => {
    const start = server(standIn("--fail", "'cannot load model: not a GGUF'")).start();
    await expect(start).rejects.toMatchObject({ code: "ENGINE_EXITED" });
    await expect(start).rejects.toThrow(/exit code 7[\s\S]*cannot load model: not a GGUF/);
  });

  test("the port is taken", async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    const start = server(standIn(), { port }).start();
    await expect(start).rejects.toMatchObject({ code: "PORT_IN_USE" });
    await new Promise((resolve) => other.close(resolve));
  });

  test("it never gets ready", async () => {
    const s = server(standIn("--loading"), { readyTimeoutMs: 1 });
    await expect(s.start()).rejects.toMatchObject({ code: "ENGINE_NOT_READY" });
    expect(s.alive).toBe(false);
  });

  test("a command without a place for the port", () => {
    expect(() => server("llama-server -m {model.gguf}")).toThrow("does not say where the port goes");
  });
});
