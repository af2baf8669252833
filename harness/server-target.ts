/** A server and its engine's profile, made a target. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { arch, cpus, platform } from "node:os";
import { CrosstalkError } from "../src/errors.ts";
import { type Arm, HISTORY_VERSION, type History, type HistoryHeader } from "../src/history/schema.ts";
import { EngineLostError } from "../src/target/engine-lost.ts";
import type { Execution, Target, TargetDescription } from "../src/target/target.ts";
import { formatTrace } from "../src/trace/read.ts";
import type { Trace } from "../src/trace/schema.ts";
import type { Manifest } from "../src/tracer/manifest.ts";
import { acceptedOptions } from "./accepted-options.ts";
import { type EngineClient, engineClient, isReady } from "./engine-client.ts";
import type { EngineFacts, EngineProfile } from "./engines/profile.ts";
import { counterDifference, namedValues } from "./engines/prometheus.ts";
import { type RunResult, runTrace } from "./executor.ts";
import { flushWithProof } from "./flush-proof.ts";
import { proveTracer } from "./handshake.ts";
import { lastLines } from "./log-tail.ts";
import { refuseUnmetNeeds } from "./needs.ts";
import { describeExit, type Server, type ServerExit } from "./server.ts";
import { settingsIn } from "./settings.ts";

export interface ServerTargetOptions {
  readonly server: Server;
  readonly profile: EngineProfile;
  /** Of the tracer model that the server was given. */
  readonly model: Manifest;
  /** Name of the fault planted in the server, for the record. */
  readonly fault?: string | null;
  /** See `RunOptions.drainMs`. */
  readonly drainMs?: number;
}

/** One start of the server. */
interface Session {
  readonly client: EngineClient;
  readonly facts: EngineFacts;
  readonly description: TargetDescription;
  readonly lost: AbortSignal;
  readonly forget: () => void;
}

/** How long the news of a process's end may come after its connections broke, in milliseconds. */
const EXIT_NEWS_MS = 10_000;

export class ServerTarget implements Target {
  readonly #options: ServerTargetOptions;
  #session: Session | null = null;
  #epoch = 0;
  /** Nothing ran since the caches were emptied. */
  #empty = false;
  #exit: ServerExit | null = null;

  constructor(options: ServerTargetOptions) {
    this.#options = options;
  }

  /** Where the started server answers. */
  get baseUrl(): string {
    return this.#started().client.baseUrl;
  }

  /** @throws CrosstalkError of the server's start, or WRONG_MODEL */
  async start(): Promise<TargetDescription> {
    return this.#open((server) => server.start());
  }

  /** @throws CrosstalkError UNSUPPORTED_BY_TARGET before anything is sent; EngineLostError when the server ends */
  async execute(trace: Trace, { arm, signal }: Execution): Promise<History> {
    const { client, facts, description, lost } = this.#started();
    const { server, profile, drainMs, model } = this.#options;
    refuseUnmetNeeds(trace, description);
    const before = await this.#counters();
    const clock = new Date().toISOString();
    const result = await runTrace(trace, {
      baseUrl: client.baseUrl,
      profile,
      shape: model.shape,
      flush: facts.flush.can ? () => profile.flush(client, facts) : null,
      faults: server.faults,
      lost,
      ...(signal === undefined ? {} : { signal }),
      ...(drainMs === undefined ? {} : { drainMs }),
    });
    const header = this.#header(trace, arm, description, clock);
    this.#empty = false;
    if (await this.#isLost(result)) {
      const how = this.#exit ? describeExit(this.#exit) : "(it no longer answers)";
      const recorded = { header, events: result.events.filter((event) => event.e !== "end") };
      throw new EngineLostError(recorded, how, lastLines(server.logs()));
    }
    if (result.killed) {
      // Between two executions a target always has a running server.
      await this.restart();
      return { header, events: result.events };
    }
    const after = await this.#counters();
    const end = result.events.at(-1)!;
    const metrics = { t: end.t, e: "metrics", counters: counterDifference(before, after) } as const;
    return { header, events: [...result.events.slice(0, -1), metrics, end] };
  }

  /** @throws CrosstalkError ENGINE_LOST when the server is gone */
  async flush(): Promise<string> {
    const { client, facts } = this.#started();
    const { server, profile } = this.#options;
    try {
      const proof = await flushWithProof(client, profile, facts);
      this.#empty = facts.flushesAll;
      return proof;
    } catch (cause) {
      if (await isReady(client.baseUrl, profile)) {
        // Blocks that ended requests still hold are held for good.
        if (server.kind === "url" || !(cause instanceof CrosstalkError) || cause.code !== "FLUSH_REFUSED") throw cause;
        await this.restart();
        return `not flushed: ${cause.message}; the server was started again`;
      }
      const hint = "Start it again. If it ended by itself, its log says why; the trace that ran last may be the cause.";
      throw new CrosstalkError("ENGINE_LOST", `the server is gone; ${lastLines(server.logs())}`, hint, { cause });
    }
  }

  /** @throws CrosstalkError UNSUPPORTED_BY_TARGET where the server cannot be restarted */
  async restart(): Promise<void> {
    this.#close();
    await this.#open((server) => server.restart());
  }

  get settings(): readonly string[] {
    const { profile, server } = this.#options;
    return server.kind === "url" ? [] : settingsIn(server.args, profile.knobs);
  }

  async startWithout(settings: readonly string[]): Promise<TargetDescription> {
    this.#options.server.leaveOut(settings);
    this.#close();
    return this.#open((server) => server.restart());
  }

  log(): readonly string[] {
    return this.#options.server.logs();
  }

  async stop(): Promise<void> {
    this.#close();
    await this.#options.server.stop();
  }

  async #open(bringUp: (server: Server) => Promise<string>): Promise<TargetDescription> {
    const { server, profile } = this.#options;
    const before = performance.now();
    const baseUrl = await bringUp(server);
    const startsInMs = Math.round(performance.now() - before);
    const lost = new AbortController();
    this.#exit = null;
    const forget = server.onExit((exit) => {
      this.#exit = exit;
      lost.abort();
    });
    try {
      const client = engineClient(baseUrl);
      const known = await profile.describe(client, server.args);
      await proveTracer(client, profile, known.options.includes("adapter"));
      const facts = {
        ...known,
        options: await acceptedOptions(client, profile, known.options, this.#options.model.shape),
      };
      const description = this.#describe(facts, startsInMs);
      this.#epoch++;
      // It has answered the read that proved its model.
      this.#empty = false;
      this.#session = { client, facts, description, lost: lost.signal, forget };
      return description;
    } catch (error) {
      forget();
      await server.stop();
      throw error;
    }
  }

  #close(): void {
    this.#session?.forget();
    this.#session = null;
  }

  #started(): Session {
    if (this.#session) return this.#session;
    throw new CrosstalkError("SERVER_UNREACHABLE", "the target was not started", "Call start() first.");
  }

  #describe(facts: EngineFacts, startsInMs: number): TargetDescription {
    const { server, profile, model, fault } = this.#options;
    const arms: Arm[] = ["main", "serialised", "no-cache", "no-cancels"];
    return {
      kind: server.kind,
      engine: { name: profile.name, version: facts.version, args: server.args },
      topology: "single",
      blockSize: facts.blockSize,
      poolCells: facts.poolCells,
      maxRunning: facts.maxRunning,
      contextTokens: facts.contextTokens,
      canFlush: facts.flush.can,
      model: model.sha256,
      written: { shape: model.shape, format: model.format, dtype: model.dtype },
      dialect: profile.dialect,
      isolation: facts.flush.can && facts.flushesAll ? "flush" : server.kind === "url" ? "none" : "restart",
      startsInMs,
      options: facts.options,
      arms: server.kind === "url" ? arms : [...arms, "fresh-server"],
      startCommand: server.startCommand,
      fault: fault ?? null,
    };
  }

  #header(trace: Trace, arm: Arm, { kind, engine, model }: TargetDescription, clock: string): HistoryHeader {
    return {
      crosstalk: HISTORY_VERSION,
      trace: { name: trace.name, sha256: createHash("sha256").update(formatTrace(trace)).digest("hex") },
      arm,
      epoch: this.#epoch,
      empty: this.#empty,
      engine: { ...engine, args: [...engine.args] },
      target: `${kind}:${engine.name}`,
      model,
      machine: `${platform()} ${arch()}, ${cpus().length} CPUs`,
      clock,
    };
  }

  /** Lost connections come before the news of the process's end, so they are a reason to ask. */
  async #isLost(result: RunResult): Promise<boolean> {
    if (result.killed) return false;
    if (result.end === "lost" || !this.#options.server.alive) return true;
    if (result.connectionsLost === 0) return false;
    const { client, lost } = this.#started();
    if (await isReady(client.baseUrl, this.#options.profile)) return false;
    if (this.#options.server.kind !== "url" && !lost.aborted) {
      await once(lost, "abort", { signal: AbortSignal.timeout(EXIT_NEWS_MS) }).catch(() => {});
    }
    return true;
  }

  /** Empty where the engine does not count, or its counters cannot be read just now. */
  async #counters(): Promise<Record<string, number>> {
    const { client, facts } = this.#started();
    const { metrics } = this.#options.profile;
    if (!metrics || !facts.counters.can) return {};
    try {
      const { status, text } = await client.get(metrics.path);
      return status === 200 ? namedValues(text, metrics.counters) : {};
    } catch {
      return {};
    }
  }
}
