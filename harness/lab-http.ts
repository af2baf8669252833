/**
 * Serves a lab over HTTP in llama-server's dialect, in real time: for adapters' tests, for demos, and so that the repro
 * of a lab finding runs like any other.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CrosstalkError } from "../src/errors.ts";
import type { LabOptions } from "../src/lab/config.ts";
import { LabEngine, type LabEvent } from "../src/lab/engine.ts";
import { ADAPTERS } from "../src/tracer/adapter.ts";
import { type Clock, realClock } from "./clock.ts";
import { CompletionReply, parseCompletion } from "./lab-http-completion.ts";
import { portTaken } from "./port.ts";

export interface LabServerOptions {
  readonly lab?: LabOptions;
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

/** @throws CrosstalkError PORT_IN_USE, INVALID_OPTION */
export async function serveLab(options: LabServerOptions = {}): Promise<LabServer> {
  const { host = "127.0.0.1", port = 0 } = options;
  const lab = new LiveLab(options);
  const server = createServer((request, response) => lab.handle(request, response));
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

/** An engine whose virtual time follows a real clock. */
class LiveLab {
  readonly #engine: LabEngine;
  readonly #clock: Clock;
  readonly #speed: number;
  readonly #origin: number;
  readonly #replies = new Map<string, CompletionReply>();
  #requests = 0;
  #cancelTimer: () => void = () => {};

  constructor({ lab, clock = realClock, speed = 1 }: LabServerOptions) {
    this.#engine = new LabEngine(lab);
    this.#clock = clock;
    this.#speed = speed;
    this.#origin = clock.now();
  }

  stop(): void {
    this.#cancelTimer();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://lab");
    const call = `${request.method} ${pathname}`;
    const slot = /^POST \/slots\/(\d+)$/.exec(call);
    if (call === "POST /completion" || call === "POST /completions") void this.#complete(request, response);
    else if (call === "GET /health") json(response, 200, { status: "ok" });
    else if (call === "GET /props") json(response, 200, this.#props());
    else if (call === "GET /lora-adapters") json(response, 200, this.#adapters());
    else if (call === "GET /slots") json(response, 200, this.#slots());
    else if (call === "GET /metrics") text(response, this.#metrics());
    else if (slot && searchParams.get("action") === "erase") this.#erase(Number(slot[1]), response);
    else fail(response, 404, "not_found_error", `File Not Found: ${call}`);
  }

  async #complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    // The client hung up before it had said what it wants.
    if (body === null || response.destroyed) return;
    const asked = parseCompletion(body, this.#engine.config.contextTokens);
    if ("refusal" in asked) {
      fail(response, 400, "invalid_request_error", asked.refusal);
      return;
    }
    const id = `request ${this.#requests++}`;
    const reply = new CompletionReply(asked, response);
    this.#replies.set(id, reply);
    response.once("close", () => {
      if (!this.#replies.delete(id)) return;
      // The client hung up.
      this.#advance();
      this.#engine.cancel(id);
      this.#advance();
    });
    this.#advance();
    this.#engine.submit({ id, ...asked });
    this.#advance();
  }

  /** Brings virtual time up to the clock, passes on what happened, and asks to be called for what comes next. */
  readonly #advance = (): void => {
    // Rounded: a timer's time, turned into milliseconds and back, may come out a hair before the event that it is for.
    const now = Math.round((this.#clock.now() - this.#origin) * 1000 * this.#speed);
    for (const event of this.#engine.advanceTo(Math.max(now, this.#engine.now))) this.#pass(event);
    this.#cancelTimer();
    const next = this.#engine.nextEventAt;
    this.#cancelTimer =
      next === null ? () => {} : this.#clock.at(this.#origin + next / 1000 / this.#speed, this.#advance);
  };

  #pass(event: LabEvent): void {
    if (event.e === "cache") return;
    const reply = this.#replies.get(event.id);
    if (!reply) return;
    if (event.e === "tokens") reply.tokens(event.ids);
    else {
      this.#replies.delete(event.id);
      if (event.e === "finished") reply.finish(event);
      else reply.fail(event.message);
    }
  }

  /** The cache belongs to all slots: erasing any erases it. Blocks of running requests stay theirs. */
  #erase(slot: number, response: ServerResponse): void {
    const { blockSize, maxRunning } = this.#engine.config;
    if (slot >= maxRunning) {
      fail(response, 400, "invalid_request_error", "Invalid slot ID");
      return;
    }
    const { pool, host } = this.#engine.flush();
    json(response, 200, { id_slot: slot, n_erased: (pool + host) * blockSize });
  }

  #props(): unknown {
    const { contextTokens, maxRunning } = this.#engine.config;
    return {
      default_generation_settings: { n_ctx: contextTokens },
      total_slots: maxRunning,
      build_info: "crosstalk-lab",
      model_path: "tracer (symbolic)",
    };
  }

  #adapters(): unknown {
    const { adapters } = this.#engine.config;
    return (adapters ? ADAPTERS : []).map((name, id) => ({ id, path: `${name}.gguf`, scale: 0 }));
  }

  #slots(): unknown {
    const { contextTokens, maxRunning } = this.#engine.config;
    const { running } = this.#engine.load;
    return Array.from({ length: maxRunning }, (_, id) => ({ id, n_ctx: contextTokens, is_processing: id < running }));
  }

  #metrics(): string {
    const { counters, load } = this.#engine;
    const series: readonly (readonly [string, "counter" | "gauge", number])[] = [
      ["prompt_tokens_total", "counter", counters.promptTokens - counters.promptTokensCached],
      ["prompt_tokens_cached_total", "counter", counters.promptTokensCached],
      ["tokens_predicted_total", "counter", counters.generatedTokens],
      ["requests_processing", "gauge", load.running],
      ["requests_deferred", "gauge", load.waiting],
    ];
    return series.map(([name, type, n]) => `# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${n}\n`).join("");
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

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}

function text(response: ServerResponse, body: string): void {
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(body);
}

function fail(response: ServerResponse, code: number, type: string, message: string): void {
  json(response, code, { error: { code, message, type } });
}
