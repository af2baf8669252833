/** What every target implements: lab, container, process and URL are the same to everything above. */

import type { Arm, History } from "../history/schema.ts";
import type { RequestOption } from "../trace/options.ts";
import type { Trace } from "../trace/schema.ts";
import type { ModelChoice } from "../tracer/manifest.ts";
import type { Dialect } from "./dialect.ts";

/** What a target can tell about itself once it has started. */
export interface TargetDescription {
  readonly kind: "lab" | "container" | "process" | "url";
  readonly engine: { readonly name: string; readonly version: string; readonly args: readonly string[] };
  readonly topology: "single" | "pd";
  /** Cells a block holds: 1 where the engine reuses single cells. */
  readonly blockSize: number;
  /** Cells in the pool that running requests share. */
  readonly poolCells: number;
  /** Requests that run at once. */
  readonly maxRunning: number;
  /** The longest prompt plus answer a request may have. */
  readonly contextTokens: number;
  /** Whether it can empty its caches in the middle of a trace: without it no trace may have `flush` steps. */
  readonly canFlush: boolean;
  /** Manifest hash of the tracer model it was proven to hold. */
  readonly model: string;
  /** How that model is written. */
  readonly written: ModelChoice;
  /** What a repro has to speak. */
  readonly dialect: Dialect;
  /**
   * What keeps one run of a trace apart from the next: `flush` empties every cache; `restart`: some cache outlives a
   * flush, or a fresh server costs no more; `none`: what an earlier run left behind may reach a later one.
   */
  readonly isolation: "flush" | "restart" | "none";
  /** What its start took, in milliseconds; 0 in the lab. A slow one is restarted as seldom as can be. */
  readonly startsInMs: number;
  /** Options of requests that it knows. */
  readonly options: readonly RequestOption[];
  /** Control arms it can run. */
  readonly arms: readonly Arm[];
  /** Commands that start the same server by hand, for a repro; `$PORT` and `$MODEL` stand for port and model file. */
  readonly startCommand: readonly string[];
  /** Name of the planted fault, if one is switched on. */
  readonly fault: string | null;
}

export interface Execution {
  readonly arm: Arm;
  /** Counts the runs of a trace, from 1: a target that varies gives each a timing of its own. */
  readonly run?: number;
  readonly signal?: AbortSignal;
}

export interface Target {
  /** A lab of which the runs of a trace differ in their timing, as those of a server do. */
  readonly varies?: boolean;
  /** Starts the server, waits until it answers, and proves which model it holds. */
  start(): Promise<TargetDescription>;
  /** Runs a trace as it stands: the arm is only recorded, `forArm` has already changed the trace. */
  execute(trace: Trace, execution: Execution): Promise<History>;
  /** Empties the caches between traces; says how that was proven. */
  flush(): Promise<string>;
  /** Stops the server and starts a fresh one: the next history has the next epoch. A URL target cannot. */
  restart(): Promise<void>;
  /**
   * Arguments that its server was started with and may be started without, a flag and its value each: those that make caches
   * small, batches short. Not there, or empty, where it is not the target that starts the server.
   */
  readonly settings?: readonly string[];
  /**
   * Stops the server and starts one without these settings, as `restart` does; with none, one as it was at first.
   * @throws CrosstalkError of the server's start
   */
  startWithout?(settings: readonly string[]): Promise<TargetDescription>;
  /** The last lines that the server wrote, oldest first. Not there, or empty, where it keeps no log or another keeps it. */
  log?(): readonly string[];
  stop(): Promise<void>;
}

/** Whether the same trace on emptied caches always ends alike: once is then as good as often. */
export const endsAlike = ({ varies = false }: Target, { kind }: TargetDescription): boolean =>
  kind === "lab" && !varies;
