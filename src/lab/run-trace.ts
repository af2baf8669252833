/** Drives an engine through a trace in virtual time. Steps mean what they mean to the executor, and none is ever late. */

import { createHash } from "node:crypto";
import type { HistoryEvent } from "../history/schema.ts";
import { type RequestOptions, resolveOptions } from "../trace/options.ts";
import { type ResolvedRequest, resolveRequests } from "../trace/prompt.ts";
import type { CancelStep, Step, Trace } from "../trace/schema.ts";
import type { LabCounters, LabEngine } from "./engine.ts";
import type { Forgotten } from "./kv-cache.ts";
import { GREEDY, samplingOf } from "./sampler.ts";

/**
 * Events from the run's start to its `end`, which comes when all steps are done and the engine is idle. A `wait` for a
 * request that never settles ends the run: nothing could move it on.
 */
export function runTrace(engine: LabEngine, trace: Trace): HistoryEvent[] {
  return new TraceRun(engine, trace).run();
}

/** How a lab proves a flush: it says what it forgot. */
export function flushProof({ pool, host }: Forgotten): string {
  return `forgot ${pool} cached blocks and ${host} host blocks`;
}

/** A cancel that has been reached and waits for its time or for tokens. */
interface ArmedCancel {
  readonly id: string;
  readonly at: number | null;
  readonly afterTokens: number;
}

class TraceRun {
  readonly #engine: LabEngine;
  readonly #steps: readonly Step[];
  readonly #requests: ReadonlyMap<string, ResolvedRequest>;
  readonly #options: ReadonlyMap<string, RequestOptions>;
  readonly #origin: number;
  readonly #before: LabCounters;
  readonly #events: HistoryEvent[] = [];
  /** Requests sent and not settled, with the tokens that have arrived. */
  readonly #open = new Map<string, number>();
  readonly #sentAt = new Map<string, number>();
  #armed: ArmedCancel[] = [];
  #next = 0;
  /** Microseconds by which waits have pushed the remaining steps back. */
  #shift = 0;

  constructor(engine: LabEngine, trace: Trace) {
    this.#engine = engine;
    this.#steps = trace.steps;
    this.#requests = resolveRequests(trace);
    this.#options = resolveOptions(trace);
    this.#origin = engine.now;
    this.#before = engine.counters;
  }

  run(): HistoryEvent[] {
    for (let next = this.#nextMoment(); next !== null; next = this.#nextMoment()) {
      this.#pass(next);
      this.#fireArmed();
      this.#fireSteps();
    }
    this.#end();
    return this.#events;
  }

  /** When something happens next, be it a step, a cancel or the engine's own. Null: nothing ever will. */
  #nextMoment(): number | null {
    const times = this.#armed.flatMap(({ at }) => at ?? []);
    const step = this.#steps[this.#next];
    if (step && !this.#held(step)) times.push(this.#due(step));
    if (this.#engine.nextEventAt !== null) times.push(this.#engine.nextEventAt);
    return times.length > 0 ? Math.max(this.#engine.now, Math.min(...times)) : null;
  }

  #due(step: Step): number {
    return this.#origin + Math.round(step.at * 1000) + this.#shift;
  }

  #held(step: Step): boolean {
    return "wait" in step && this.#open.has(step.wait) && this.#engine.now >= this.#due(step);
  }

  #pass(time: number): void {
    for (const event of this.#engine.advanceTo(time)) {
      this.#events.push({ ...event, t: event.t - this.#origin });
      if (event.e === "tokens") this.#open.set(event.id, (this.#open.get(event.id) ?? 0) + event.ids.length);
      else if (event.e === "finished" || event.e === "failed") this.#settle(event.id);
    }
  }

  #settle(id: string): void {
    this.#open.delete(id);
    this.#armed = this.#armed.filter((cancel) => cancel.id !== id);
  }

  #fireArmed(): void {
    for (const cancel of this.#armed) {
      const due =
        cancel.at === null ? (this.#open.get(cancel.id) ?? 0) >= cancel.afterTokens : cancel.at <= this.#engine.now;
      if (due) this.#cancel(cancel.id, cancel.at ?? this.#engine.now);
    }
  }

  #fireSteps(): void {
    for (;;) {
      const step = this.#steps[this.#next];
      if (step === undefined || this.#due(step) > this.#engine.now || this.#held(step)) return;
      const at = this.#due(step);
      this.#next++;
      if ("send" in step) this.#send(step.send, at);
      else if ("cancel" in step) this.#arm(step, at);
      else if ("wait" in step) this.#shift += this.#engine.now - at;
      else if ("flush" in step)
        this.#events.push({ ...this.#times(at), e: "flushed", proof: flushProof(this.#engine.flush()) });
    }
  }

  #send(id: string, at: number): void {
    const { prompt, maxTokens, cache, adapter, salt, choices } = this.#requests.get(id)!;
    const options = this.#options.get(id);
    const sha256 = createHash("sha256").update(prompt.join(",")).digest("hex");
    this.#events.push({ ...this.#times(at), e: "sent", id, tokens: prompt.length, sha256 });
    this.#open.set(id, 0);
    this.#sentAt.set(id, this.#engine.now);
    const sampling = options ? samplingOf(options) : GREEDY;
    const { allow = null, grammar = null, priority = null } = options ?? {};
    const { requestId = null, session = null, embed = false } = options ?? {};
    const drawn = { allowed: allow, grammar, priority: priority ?? 0, sampling, embed };
    const as = { adapter, salt, requestId, session, ...drawn };
    this.#engine.submit({ id, prompt, maxTokens, cache, n: choices, ...as });
    this.#pass(this.#engine.now);
  }

  #arm({ cancel: id, afterMs, afterTokens }: CancelStep, at: number): void {
    if (!this.#open.has(id)) return;
    if (afterTokens !== undefined) this.#armed.push({ id, at: null, afterTokens });
    else {
      const delay = afterMs === undefined ? 0 : this.#sentAt.get(id)! + Math.round(afterMs * 1000);
      this.#armed.push({ id, at: Math.max(at, delay), afterTokens: 0 });
    }
    this.#fireArmed();
  }

  #cancel(id: string, at: number): void {
    if (!this.#open.has(id)) return;
    this.#engine.cancel(id);
    this.#pass(this.#engine.now);
    this.#events.push({ ...this.#times(at), e: "cancelled", id });
    this.#settle(id);
  }

  #times(at: number): { t: number; at: number } {
    return { t: this.#engine.now - this.#origin, at: at - this.#origin };
  }

  #end(): void {
    const t = this.#engine.now - this.#origin;
    // What is still open hangs for good; its connection closes with the run.
    for (const id of this.#open.keys()) this.#engine.cancel(id);
    this.#engine.advanceTo(this.#engine.now);
    const { counters } = this.#engine;
    const difference = Object.entries(this.#before).map(([name, before]) => [
      name,
      (counters[name as keyof LabCounters] ?? 0) - before,
    ]);
    this.#events.push({ t, e: "metrics", counters: Object.fromEntries(difference) });
    this.#events.push({ t, e: "end", latenessP99: 0, latenessMax: 0 });
  }
}
