/** A server under test, however it came to run. */

import type { FaultInjector } from "./faults.ts";

export interface ServerExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Server {
  readonly kind: "container" | "process" | "url";
  /** Starts it, waits until it is ready, and gives its base URL. */
  start(): Promise<string>;
  /** Stops it and frees what it held. Harmless where nothing runs. */
  stop(): Promise<void>;
  /** Stops it and starts a fresh one, perhaps at another URL. @throws CrosstalkError UNSUPPORTED_BY_TARGET (a URL) */
  restart(): Promise<string>;
  /** Its command goes without these settings from the next start on. */
  leaveOut(settings: readonly string[]): void;
  /** The last lines it wrote. */
  logs(): readonly string[];
  /** Whether its process runs; a server that somebody else started counts as alive. */
  readonly alive: boolean;
  /** Calls back when the process ends without having been stopped; returns what takes the call back. */
  onExit(listener: (exit: ServerExit) => void): () => void;
  /** Null where faults cannot be injected. */
  readonly faults: FaultInjector | null;
  /** Arguments the engine was started with, executable left out; empty where unknown. */
  readonly args: readonly string[];
  /** Commands that start the same server by hand; `$MODEL` and `$PORT` stand for the model file and the port. */
  readonly startCommand: readonly string[];
}

/** How long a server may take until it is ready: large models and first starts of GPU engines take minutes. */
export const READY_TIMEOUT_MS = 300_000;

export function describeExit(exit: ServerExit): string {
  return exit.signal === null ? `with exit code ${exit.code}` : `by signal ${exit.signal}`;
}

/** One listener list; a server ends once a start. */
export class ExitListeners {
  readonly #listeners = new Set<(exit: ServerExit) => void>();

  add(listener: (exit: ServerExit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  fire(exit: ServerExit): void {
    for (const listener of [...this.#listeners]) listener(exit);
  }
}
