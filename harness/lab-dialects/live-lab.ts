/** A lab engine whose virtual time follows a clock, and whose requests are answered to clients that may hang up. */

import type { ServerResponse } from "node:http";
import type { LabOptions } from "../../src/lab/config.ts";
import { LabEngine, type LabEvent, type LabRequest } from "../../src/lab/engine.ts";
import type { Clock } from "../clock.ts";

export type Finished = Extract<LabEvent, { e: "finished" }>;

/** Where the events of one request go. */
export interface Reply {
  /** Tokens of one of its choices. */
  tokens(ids: readonly number[], choice: number): void;
  finish(event: Finished): void;
  /** The engine refused or failed the request: nothing else comes. @param code of its `failed` event */
  refuse(message: string, code: string): void;
}

export class LiveLab {
  readonly engine: LabEngine;
  readonly #clock: Clock;
  readonly #speed: number;
  readonly #origin: number;
  readonly #replies = new Map<string, Reply>();
  #requests = 0;
  #cancelTimer: () => void = () => {};

  /** @param speed virtual time that passes for each unit of the clock's. @throws CrosstalkError INVALID_OPTION */
  constructor(options: LabOptions, clock: Clock, speed: number) {
    this.engine = new LabEngine(options);
    this.#clock = clock;
    this.#speed = speed;
    this.#origin = clock.now();
  }

  /** Submits a request, which is cancelled when its response breaks off; returns its id. */
  submit(request: Omit<LabRequest, "id">, reply: Reply, response: ServerResponse): string {
    const id = `request ${this.#requests++}`;
    this.#replies.set(id, reply);
    response.once("close", () => {
      if (this.#replies.delete(id)) this.cancel(id);
    });
    this.#advance();
    this.engine.submit({ id, ...request });
    this.#advance();
    return id;
  }

  /** Cancels a request; its reply gets the tokens that it still has to give, and no end. */
  cancel(id: string): void {
    this.#advance();
    this.engine.cancel(id);
    this.#advance();
    this.#replies.delete(id);
  }

  stop(): void {
    this.#cancelTimer();
  }

  /** Brings virtual time up to the clock, passes on what happened, and asks to be called for what comes next. */
  readonly #advance = (): void => {
    const { engine } = this;
    // Rounded: a timer's time, turned into milliseconds and back, may come out a hair before the event that it is for.
    const now = Math.round((this.#clock.now() - this.#origin) * 1000 * this.#speed);
    for (const event of engine.advanceTo(Math.max(now, engine.now))) this.#pass(event);
    this.#cancelTimer();
    const next = engine.nextEventAt;
    this.#cancelTimer =
      next === null ? () => {} : this.#clock.at(this.#origin + next / 1000 / this.#speed, this.#advance);
  };

  #pass(event: LabEvent): void {
    if (event.e === "cache") return;
    const reply = this.#replies.get(event.id);
    if (!reply) return;
    if (event.e === "tokens") {
      reply.tokens(event.ids, event.choice ?? 0);
      return;
    }
    this.#replies.delete(event.id);
    if (event.e === "finished") reply.finish(event);
    else reply.refuse(event.message, event.code);
  }
}
