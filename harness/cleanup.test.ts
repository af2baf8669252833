import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

/** Starts the program and holds a connection to its server: `closed` resolves when the server is gone. */
async function programWithServer(end: string): Promise<{ program: ChildProcess; closed: Promise<unknown> }> {
  const program = spawn(process.execPath, [join(import.meta.dirname, "testing", "leaves-a-server.ts"), end], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const [url] = (await once(createInterface(program.stdout!), "line")) as [string];
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  // A server that is killed may reset the connection first.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { program, closed };
}

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "a server does not outlive a program ended by %s",
  async (signal) => {
    const { program, closed } = await programWithServer("signal");
    program.kill(signal);
    const [code] = await once(program, "exit");
    expect(code).toBe(128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal]);
    await closed;
  },
);

test("a server does not outlive a program ended by an uncaught error", async () => {
  const { program, closed } = await programWithServer("error");
  program.stdin!.write("now\n");
  const [code] = await once(program, "exit");
  expect(code).toBe(1);
  await closed;
});
