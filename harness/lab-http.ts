/**
 * Serves a lab over HTTP in an engine's dialect, in real time: for adapters' tests, for demos, and so that the repro of
 * a lab finding runs like any other.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CrosstalkError } from "../src/errors.ts";
import type { LabOptions } from "../src/lab/config.ts";
import type { Dialect } from "../src/target/dialect.ts";
import { type Clock, realClock } from "./clock.ts";
import { json, type LabDialect, Refusal, type Routes } from "./lab-dialects/dialect.ts";
import { LiveLab } from "./lab-dialects/live-lab.ts";
import { llamaServer } from "./lab-dialects/llama-server.ts";
import { sglang } from "./lab-dialects/sglang.ts";
import { vllm } from "./lab-dialects/vllm.ts";
import { portTaken } from "./port.ts";

export interface LabServerOptions {
  readonly lab?: LabOptions;
  /** Default: llama-server's. */
  readonly dialect?: Dialect;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
  /** Virtual time that passes for each unit of real time. */
  readonly speed?: number;
  readonly clock?: Clock;
}

export interface LabServer {
  readonly url: string;
  readonly port: number;
  /** Drops all connections and stops. */
  close(): Promise<void>;
}

const DIALECTS: Readonly<Record<Dialect, LabDialect>> = { "llama-server": llamaServer, vllm, sglang };

/** @throws CrosstalkError PORT_IN_USE, INVALID_OPTION */
export async function serveLab(options: LabServerOptions = {}): Promise<LabServer> {
  const { host = "127.0.0.1", port = 0, clock = realClock, speed = 1, lab: labOptions = {} } = options;
  const dialect = DIALECTS[options.dialect ?? "llama-server"];
  const lab = new LiveLab(labOptions, clock, speed);
  const routes = dialect.routes(lab);
  const server = createServer((request, response) => void answer(dialect, routes, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(listenFailure(cause, host, port)));
    server.listen({ port, host, backlog: 4096 }, resolve);
  });
  const taken = (server.address() as AddressInfo).port;
  return {
    url: `http://${host}:${taken}`,
    port: taken,
    close: () => {
      lab.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function listenFailure(cause: NodeJS.ErrnoException, host: string, port: number): CrosstalkError {
  if (cause.code === "EADDRINUSE") return portTaken(port);
  const hint = "Give a host address of this machine and a port that you may listen on.";
  return new CrosstalkError("INVALID_OPTION", `cannot listen on ${host}:${port}: ${cause.message}`, hint, { cause });
}

async function answer(
  dialect: LabDialect,
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request);
  // The client hung up before it had said what it wants.
  if (body === null || response.destroyed) return;
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://lab");
  const [, number = ""] = /\/(\d+)$/.exec(pathname) ?? [];
  const name = `${request.method} ${pathname.replace(/\/\d+$/, "/:number")}`;
  try {
    const handler = routes[name];
    if (handler === undefined) throw new Refusal(404, `Not Found: ${request.method} ${pathname}`);
    handler({ query: searchParams, number: Number(number), body, response });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    json(response, error.status, dialect.error(error.status, error.message));
  }
}

/** Null if the connection broke first. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    return null;
  }
  return Buffer.concat(pieces).toString("utf8");
}
