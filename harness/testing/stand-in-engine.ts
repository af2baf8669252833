/**
 * A stand-in for llama-server: speaks its dialect over HTTP and does what a test tells it to. By default it holds the
 * tracer and answers exactly.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expectedTokens } from "../../src/trace/prompt.ts";
import { VOCABULARY_SIZE } from "../../src/tracer/vocabulary.ts";

/** One completion request that has arrived, in the hands of the test. */
export class Exchange {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly cache: boolean;
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;

  constructor(body: { prompt: number[]; n_predict: number; cache_prompt: boolean }, response: ServerResponse) {
    this.prompt = body.prompt;
    this.maxTokens = body.n_predict;
    this.cache = body.cache_prompt;
    this.#response = response;
    this.closed = new Promise((resolve) => response.once("close", () => resolve()));
  }

  get answer(): readonly number[] {
    return [...expectedTokens({ prompt: Int32Array.from(this.prompt), maxTokens: this.maxTokens, adapter: null })];
  }

  raw(text: string | Uint8Array): this {
    if (!this.#response.headersSent) this.#response.writeHead(200, { "content-type": "text/event-stream" });
    this.#response.write(text);
    return this;
  }

  token(...ids: number[]): this {
    return this.raw(
      ids.map((id) => event({ index: 0, content: "x", tokens: [id], stop: false, id_slot: -1 })).join(""),
    );
  }

  /** Calls back once everything so far has been handed to the system. */
  flushed(then: () => void): void {
    this.#response.write("\n", () => then());
  }

  finish(cached = 0, slot = 0): void {
    this.raw(event({ tokens: [], stop: true, stop_type: "limit", id_slot: slot, timings: { cache_n: cached } }));
    this.#response.end();
  }

  complete(cached = 0): void {
    this.token(...this.answer).finish(cached);
  }

  fail(status: number, message: string): void {
    this.#response.writeHead(status, { "content-type": "application/json" });
    this.#response.end(JSON.stringify({ error: { code: status, message, type: "server_error" } }));
  }

  /** Ends the stream without its last event. */
  end(): void {
    this.#response.end();
  }

  /** Breaks the connection. */
  drop(): void {
    this.#response.destroy();
  }
}

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

export interface StandInOptions {
  readonly respond?: (exchange: Exchange) => void;
  readonly slots?: number;
  /** Without it the engine answers 501 to an erase, as llama-server without --slot-save-path. */
  readonly erases?: boolean;
  /** Never gets ready. */
  readonly loading?: boolean;
}

export class StandInEngine {
  readonly exchanges: Exchange[] = [];
  /** Calls other than completions, in order: `POST /slots/0?action=erase`. */
  readonly calls: string[] = [];
  readonly #options: StandInOptions;
  readonly #server: Server;
  readonly #arrivals = new Map<number, () => void>();
  #cached = new Set<string>();
  #predicted = 0;

  constructor(options: StandInOptions = {}) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#handle(request, response));
  }

  static async start(options: StandInOptions = {}): Promise<StandInEngine> {
    const engine = new StandInEngine(options);
    await engine.listen(0);
    return engine;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => resolve()));
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The nth completion request, from 0, as soon as it has arrived. */
  async exchange(n: number): Promise<Exchange> {
    if (!this.exchanges[n]) await new Promise<void>((resolve) => this.#arrivals.set(n, resolve));
    return this.exchanges[n]!;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? "/";
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (url === "/completion") {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => this.#complete(Buffer.concat(pieces).toString(), response));
      return;
    }
    this.calls.push(`${request.method} ${url}`);
    const slots = this.#options.slots ?? 4;
    if (url === "/health")
      json(this.#options.loading ? 503 : 200, { status: this.#options.loading ? "loading" : "ok" });
    else if (url === "/pid") json(200, process.pid);
    else if (url === "/props")
      json(200, { total_slots: slots, build_info: "stand-in", default_generation_settings: { n_ctx: 1024 } });
    else if (url === "/metrics")
      response.end(
        `llamacpp:prompt_tokens_total 0\nllamacpp:prompt_tokens_cached_total 0\nllamacpp:n_decode_total 0\nllamacpp:tokens_predicted_total ${this.#predicted}\n`,
      );
    else if (url.includes("action=erase") && (this.#options.erases ?? true)) {
      const n_erased = this.#cached.size;
      this.#cached = new Set();
      json(200, { id_slot: 0, n_erased });
    } else json(501, { error: { code: 501, message: `not supported: ${url}`, type: "not_supported_error" } });
  }

  #complete(body: string, response: ServerResponse): void {
    const exchange = new Exchange(JSON.parse(body), response);
    if (exchange.prompt.some((id) => id >= VOCABULARY_SIZE)) {
      exchange.fail(400, "Prompt contains invalid tokens");
      return;
    }
    const key = exchange.prompt.join(",");
    const cached = exchange.cache && this.#cached.has(key) ? exchange.prompt.length - 1 : 0;
    if (exchange.cache) this.#cached.add(key);
    this.#predicted += exchange.maxTokens;
    const n = this.exchanges.push(exchange) - 1;
    if (this.#options.respond) this.#options.respond(exchange);
    else exchange.complete(cached);
    this.#arrivals.get(n)?.();
  }
}
