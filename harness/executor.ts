/**
 * The timed executor: runs a trace against a server and gives what happened.
 *
 * Every step fires at an absolute deadline of one clock; how late it fired is recorded. Nothing is parsed, hashed or
 * serialised while the clock runs: bodies are ready before, chunks are read after.
 */

import { Pool } from "undici";
import type { HistoryEvent } from "../src/history/schema.ts";
import type { CancelStep, FaultStep, Step, Trace } from "../src/trace/schema.ts";
import { DEFAULT_SHAPE, type TracerShape } from "../src/tracer/shape.ts";
import { type Clock, realClock } from "./clock.ts";
import type { EngineProfile } from "./engines/profile.ts";
import { InFlight, type PreparedRequest } from "./in-flight.ts";
import { type Abilities, prepareRequests, refuseUnsupported } from "./prepare.ts";
import { type Recording, toEvents } from "./recording.ts";

export interface RunOptions extends Abilities {
  readonly baseUrl: string;
  readonly profile: EngineProfile;
  /** Of the model, whose output matrix turns embeddings into tokens; the default's if left out. */
  readonly shape?: TracerShape;
  readonly clock?: Clock;
  /**
   * How long the run goes on, in milliseconds, while no step can fire and the engine says nothing on any stream: then
   * what has not settled stays open. A busy engine with a long queue has as long as it needs.
   */
  readonly drainMs?: number;
  /** Ends the run at once; `runTrace` rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Fires when the server's process is gone. */
  readonly lost?: AbortSignal;
}

export interface RunResult {
  /** `open`: nothing was heard for the drain time, with requests unsettled. `lost`: the server went away, and no step killed it. */
  readonly end: "settled" | "open" | "lost";
  /** In order of time, ending with the `end` event. */
  readonly events: readonly HistoryEvent[];
  /** Requests that lost their connection: a reason to ask whether the server still lives. */
  readonly connectionsLost: number;
  /** A step killed the server. */
  readonly killed: boolean;
}

export const DEFAULT_DRAIN_MS = 30_000;

/**
 * Runs a trace.
 * @throws CrosstalkError UNSUPPORTED_BY_TARGET before anything is sent, where the target cannot do a step
 */
export async function runTrace(trace: Trace, options: RunOptions): Promise<RunResult> {
  refuseUnsupported(trace, options);
  options.signal?.throwIfAborted();
  return new TraceRun(trace, options).run();
}

class TraceRun {
  readonly #steps: readonly Step[];
  readonly #options: RunOptions;
  readonly #clock: Clock;
  readonly #drainMs: number;
  readonly #prepared: ReadonlyMap<string, PreparedRequest>;
  readonly #pool: Pool;
  readonly #headers: readonly string[] = ["content-type", "application/json"];
  readonly #reset: boolean;
  readonly #inFlight = new Map<string, InFlight>();
  readonly #marks: Recording["marks"][number][] = [];
  readonly #lateness: number[] = [];
  readonly #timers = new Set<() => void>();
  readonly #pending = new Set<Promise<void>>();
  readonly #done = Promise.withResolvers<RunResult["end"]>();
  #origin = 0;
  /** Milliseconds by which waits have pushed the remaining steps back. */
  #shift = 0;
  #next = 0;
  #held = false;
  #killed = false;
  /** Ends each fault that was to last to the run's end. */
  readonly #underWay = new Set<() => Promise<void>>();
  #stopWatch: () => void = () => {};

  constructor(trace: Trace, options: RunOptions) {
    this.#steps = trace.steps;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#drainMs = options.drainMs ?? DEFAULT_DRAIN_MS;
    this.#prepared = prepareRequests(trace, options.profile);
    this.#reset = options.profile.connection === "close";
    this.#pool = new Pool(options.baseUrl, {
      // As many connections as the trace has open streams: a limit would queue requests where nobody sees it.
      connections: null,
      pipelining: 1,
      allowH2: false,
      // A request that hangs is a finding; the run's own drain time ends it.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 0 },
    });
  }

  async run(): Promise<RunResult> {
    const { signal, lost } = this.#options;
    const abort = () => this.#done.reject(signal?.reason);
    const lose = () => {
      if (!this.#killed) this.#done.resolve("lost");
    };
    signal?.addEventListener("abort", abort, { once: true });
    lost?.addEventListener("abort", lose, { once: true });
    try {
      this.#origin = this.#clock.now();
      if (lost?.aborted) lose();
      else this.#advance();
      const end = await this.#done.promise;
      const ended = this.#clock.now();
      const requests = [...this.#inFlight.values()];
      const events = toEvents(
        { origin: this.#origin, ended, requests, marks: [...this.#marks], lateness: this.#lateness },
        this.#options.profile,
        this.#options.shape ?? DEFAULT_SHAPE,
      );
      const connectionsLost = requests.filter((r) => r.ending.kind === "lost").length;
      return { end, events, connectionsLost, killed: this.#killed };
    } finally {
      signal?.removeEventListener("abort", abort);
      lost?.removeEventListener("abort", lose);
      await this.#close();
    }
  }

  /** Fires every step that is due, then sleeps until the next one. */
  readonly #advance = (): void => {
    for (;;) {
      const step = this.#steps[this.#next];
      if (!step || this.#held) break;
      const due = this.#origin + step.at + this.#shift;
      if (this.#clock.now() < due) {
        this.#timer(due, this.#advance);
        return;
      }
      this.#next++;
      this.#fire(step, due);
    }
    this.#watch();
    this.#finishIfIdle();
  };

  #fire(step: Step, due: number): void {
    if ("send" in step) this.#send(step.send, due);
    else if ("cancel" in step) this.#cancel(step, due);
    else if ("wait" in step) {
      const awaited = this.#inFlight.get(step.wait)!;
      if (!awaited.settled) this.#hold(due, (release) => awaited.onSettled(release));
    } else if ("flush" in step) this.#flush(due);
    else this.#fault(step, due);
  }

  #send(id: string, due: number): void {
    const prepared = this.#prepared.get(id)!;
    const request = new InFlight(prepared, due, this.#clock, this.#options.profile);
    this.#inFlight.set(id, request);
    this.#lateness.push(request.sentAt - due);
    request.onSettled(this.#finishSoon);
    this.#pool.dispatch(
      {
        path: prepared.path,
        method: "POST",
        headers: this.#headers as string[],
        body: prepared.body,
        reset: this.#reset,
        blocking: true,
      },
      request,
    );
  }

  #cancel(step: CancelStep, due: number): void {
    const request = this.#inFlight.get(step.cancel)!;
    if (request.settled) return;
    const fire = (intended: number) => {
      if (request.settled) return;
      this.#lateness.push(this.#clock.now() - intended);
      request.cancel(intended);
    };
    if (step.afterTokens !== undefined) request.afterTokens(step.afterTokens, () => fire(this.#clock.now()));
    else if (step.afterMs !== undefined) {
      const intended = Math.max(due, request.sentAt + step.afterMs);
      this.#timer(intended, () => {
        fire(intended);
        this.#watch();
        this.#finishIfIdle();
      });
    } else fire(due);
  }

  /** The steps after a flush see an empty cache: they are held until the engine has answered. */
  #flush(due: number): void {
    this.#lateness.push(this.#clock.now() - due);
    this.#hold(due, (release) => {
      const mark = (proof: string) => {
        this.#marks.push({ e: "flushed", time: this.#clock.now(), intended: due, proof });
        release();
      };
      this.#options.flush!().then(mark, (error: Error) => mark(`not flushed: ${error.message}`));
    });
  }

  #fault({ fault, forMs, share }: FaultStep, due: number): void {
    const faults = this.#options.faults!;
    this.#lateness.push(this.#clock.now() - due);
    const mark = (what: string, intended: number) => () => {
      this.#marks.push({ e: "fault", time: this.#clock.now(), intended, fault: what });
    };
    const failed = (error: Error) => mark(`${fault} failed: ${error.message}`, due)();
    if (fault === "kill") {
      this.#killed = true;
      this.#pend(faults.kill().then(mark("kill", due), failed));
      return;
    }
    const [start, stop, stopped] =
      fault === "pause"
        ? [() => faults.pause(), () => faults.resume(), "resume"]
        : [() => faults.throttle(share ?? null), () => faults.throttle(null), "unthrottle"];
    this.#underWay.add(stop);
    this.#pend(start().then(mark(fault, due), failed));
    if (forMs === undefined) return;
    const until = due + forMs;
    this.#timer(until, () => {
      this.#underWay.delete(stop);
      this.#pend(stop().then(mark(stopped, until), failed));
    });
  }

  /** Holds the steps that follow; being released late pushes them all back, which is not the executor's lateness. */
  #hold(due: number, until: (release: () => void) => void): void {
    this.#held = true;
    until(() => {
      this.#held = false;
      this.#stopWatch();
      this.#shift += Math.max(0, this.#clock.now() - due);
      // Not from within undici's own callback, whose connection is not free for the next request yet.
      queueMicrotask(this.#advance);
    });
  }

  #pend(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#pending.delete(tracked);
      this.#watch();
      this.#finishIfIdle();
    });
    this.#pending.add(tracked);
  }

  #timer(time: number, callback: () => void): void {
    const cancel = this.#clock.at(time, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  /** Ends the run when no step could fire and nothing was heard for the drain time. */
  #watch(since = this.#clock.now()): void {
    this.#stopWatch();
    if (this.#timers.size > 0) return;
    this.#stopWatch = this.#clock.at(since + this.#drainMs, () => {
      let heard = since;
      for (const { heardAt } of this.#inFlight.values()) heard = Math.max(heard, heardAt);
      if (heard > since) this.#watch(heard);
      else this.#done.resolve("open");
    });
  }

  readonly #finishSoon = (): void => queueMicrotask(() => this.#finishIfIdle());

  #finishIfIdle(): void {
    if (this.#next < this.#steps.length || this.#held || this.#timers.size > 0 || this.#pending.size > 0) return;
    for (const request of this.#inFlight.values()) if (!request.settled) return;
    this.#done.resolve("settled");
  }

  async #close(): Promise<void> {
    this.#stopWatch();
    for (const cancel of this.#timers) cancel();
    await Promise.allSettled(this.#pending);
    for (const stop of this.#underWay) await stop().catch(() => {});
    // What is still open was recorded as open before its socket is closed here.
    await this.#pool.destroy();
  }
}
