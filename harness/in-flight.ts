/** One request on the wire: keeps every chunk with its time and parses nothing, unless it must count tokens. */

import type { Dispatcher } from "undici";
import type { Clock } from "./clock.ts";
import type { EngineProfile } from "./engines/profile.ts";
import { tokenStream } from "./token-stream.ts";

/** A request ready to go: everything that takes time was done before the clock started. */
export interface PreparedRequest {
  readonly id: string;
  readonly path: string;
  readonly body: Buffer;
  /** Prompt tokens, and the SHA-256 of their ids joined by commas. */
  readonly tokens: number;
  readonly sha256: string;
  /** Its reply is one vector, not a stream of tokens. */
  readonly embed: boolean;
  /** Some cancel waits for this request's tokens: parse while it runs. */
  readonly counted: boolean;
}

/** How a request's connection ended, if it did. */
export type Ending =
  | { readonly kind: "open" }
  | { readonly kind: "ended"; readonly time: number }
  | { readonly kind: "lost"; readonly time: number; readonly error: Error }
  | { readonly kind: "cancelled"; readonly time: number; readonly intended: number };

/** A server-sent event stream pings with comments, whose lines begin with a colon. */
const COMMENT = ":".charCodeAt(0);

export class InFlight implements Dispatcher.DispatchHandler {
  readonly prepared: PreparedRequest;
  readonly intended: number;
  readonly sentAt: number;
  readonly chunks: Buffer[] = [];
  readonly times: number[] = [];
  /** When the engine last said anything but a ping. */
  heardAt: number;
  /** HTTP status; 0 until the reply begins. */
  status = 0;
  ending: Ending = { kind: "open" };

  readonly #clock: Clock;
  readonly #count: ReturnType<typeof tokenStream> | null;
  readonly #onSettled: (() => void)[] = [];
  #tokens = 0;
  #afterTokens: readonly { readonly count: number; readonly then: () => void }[] = [];
  #controller: Dispatcher.DispatchController | null = null;

  constructor(prepared: PreparedRequest, intended: number, clock: Clock, profile: EngineProfile) {
    this.prepared = prepared;
    this.intended = intended;
    this.#clock = clock;
    this.sentAt = clock.now();
    this.heardAt = this.sentAt;
    this.#count = prepared.counted
      ? tokenStream(profile, (event) => {
          if (event.kind === "tokens") this.#tokens += event.ids.length;
        })
      : null;
  }

  get settled(): boolean {
    return this.ending.kind !== "open";
  }

  onSettled(callback: () => void): void {
    if (this.settled) callback();
    else this.#onSettled.push(callback);
  }

  /** Calls back as soon as this many tokens have arrived. */
  afterTokens(count: number, then: () => void): void {
    this.#afterTokens = [...this.#afterTokens, { count, then }];
    this.#checkTokens();
  }

  /** Hangs up. Nothing that arrives afterwards is kept. */
  cancel(intended: number): void {
    if (this.settled) return;
    this.#settle({ kind: "cancelled", time: this.#clock.now(), intended });
    this.#controller?.abort(new Error("cancelled"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Cancelled before there was a connection to hang up.
    if (this.settled) controller.abort(new Error("cancelled"));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.settled) return;
    const now = this.#clock.now();
    this.chunks.push(chunk);
    this.times.push(now);
    if (chunk[0] !== COMMENT) this.heardAt = now;
    if (this.#count && this.status === 200) {
      this.#count.feed(chunk);
      this.#checkTokens();
    }
  }

  onResponseEnd(): void {
    this.#settle({ kind: "ended", time: this.#clock.now() });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle({ kind: "lost", time: this.#clock.now(), error });
  }

  #checkTokens(): void {
    const due = this.#afterTokens.filter((waiting) => waiting.count <= this.#tokens);
    if (due.length === 0) return;
    this.#afterTokens = this.#afterTokens.filter((waiting) => !due.includes(waiting));
    for (const { then } of due) then();
  }

  #settle(ending: Ending): void {
    if (this.settled) return;
    this.ending = ending;
    if (ending.kind !== "open") this.heardAt = ending.time;
    for (const callback of this.#onSettled.splice(0)) callback();
  }
}
