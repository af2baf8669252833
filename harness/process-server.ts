/** A server started by a command line, without a shell, in its own process group. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { CrosstalkError } from "../src/errors.ts";
import { ADAPTER_FOLDER } from "../src/tracer/adapter-files.ts";
import { stopAtExit } from "./cleanup.ts";
import { fillIn, hasBlank, joinCommand, splitCommand } from "./command-line.ts";
import { DutyCycle } from "./duty-cycle.ts";
import type { EngineProfile } from "./engines/profile.ts";
import type { FaultInjector } from "./faults.ts";
import { LogTail, lastLines } from "./log-tail.ts";
import { freePort, portInUse, portTaken, requireFree } from "./port.ts";
import { untilReady } from "./ready.ts";
import { describeExit, ExitListeners, READY_TIMEOUT_MS, type Server, type ServerExit } from "./server.ts";
import { withoutSettings } from "./settings.ts";

export interface ProcessServerOptions {
  /** For example `llama-server -m {model.gguf} --port {port}`; blanks: model.gguf, model.hf, adapters, port, host, temporary. */
  readonly command: string;
  readonly profile: EngineProfile;
  /** Model file or folder. */
  readonly model: string;
  /** Folder with the model's adapters: the arguments that load them are added to the command. */
  readonly adapters?: string;
  /** Without it a free port is taken at every start. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly readyTimeoutMs?: number;
  /** File that the server's output is added to. */
  readonly logFile?: string;
}

/** How long a server may take to end after SIGTERM, in milliseconds. */
const STOP_GRACE_MS = 5_000;
/** How long the rest of an ended server's output is waited for, in milliseconds. */
const LAST_WORDS_MS = 1_000;

const LAUNCHERS: ReadonlySet<string> = new Set(["docker", "podman", "nerdctl"]);

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<ServerExit>;
  readonly log: LogTail;
  readonly forget: () => void;
  exit: ServerExit | null;
  stopping: boolean;
}

export class ProcessServer implements Server {
  readonly kind = "process";
  /** Null for a command that has another program run the server. */
  readonly faults: FaultInjector | null;
  readonly #options: ProcessServerOptions;
  readonly #words: readonly string[];
  readonly #exits = new ExitListeners();
  readonly #dutyCycle = new DutyCycle((signal) => this.#signal(signal));
  #running: Running | null = null;
  #log: LogTail | null = null;
  #args: readonly string[] = [];
  #leftOut: readonly string[] = [];

  /** @throws CrosstalkError INVALID_OPTION for a command that cannot be split or has no place for the port */
  constructor(options: ProcessServerOptions) {
    this.#options = options;
    this.#words = [
      ...splitCommand(options.command),
      ...(options.adapters === undefined ? [] : options.profile.adapterArgs),
    ];
    if (!hasBlank(this.#words, "port") && options.port === undefined) {
      throw new CrosstalkError(
        "INVALID_OPTION",
        `the command does not say where the port goes: ${options.command}`,
        "Write {port} into the command, or give the port it listens on with --port.",
      );
    }
    this.faults = this.#launches() ? null : this.#faultInjector();
  }

  /** Whether the server is no child of the command: signals then reach the launcher only, which passes SIGTERM on. */
  #launches(): boolean {
    return this.#words.slice(0, 2).some((word) => LAUNCHERS.has(basename(word)));
  }

  #faultInjector(): FaultInjector {
    return {
      pause: async () => this.#signal("SIGSTOP"),
      resume: async () => this.#signal("SIGCONT"),
      throttle: async (share) => (share === null ? this.#dutyCycle.stop() : this.#dutyCycle.start(share)),
      kill: async () => {
        const running = this.#running;
        this.#signal("SIGKILL");
        await running?.exited;
      },
    };
  }

  get alive(): boolean {
    return this.#running !== null && this.#running.exit === null;
  }

  get args(): readonly string[] {
    return this.#args;
  }

  leaveOut(settings: readonly string[]): void {
    this.#leftOut = settings;
  }

  get startCommand(): readonly string[] {
    const set = { ...this.#options.profile.environment, ...this.#options.env };
    const env = Object.entries(set).map(([name, value]) => `${name}=${value}`);
    const blanks = {
      "model.gguf": "$MODEL",
      "model.hf": "$MODEL",
      adapters: ADAPTER_FOLDER,
      port: "$PORT",
      host: "127.0.0.1",
      temporary: "/tmp",
    };
    return [joinCommand([...env, ...withoutSettings(fillIn(this.#words, blanks), this.#leftOut)])];
  }

  logs(): readonly string[] {
    return this.#log?.lines ?? [];
  }

  onExit(listener: (exit: ServerExit) => void): () => void {
    return this.#exits.add(listener);
  }

  /** @throws CrosstalkError PORT_IN_USE, ENGINE_EXITED or ENGINE_NOT_READY */
  async start(): Promise<string> {
    await this.stop();
    const { profile, model, adapters } = this.#options;
    const port = this.#options.port ?? (await freePort());
    await requireFree(port);
    const temporary = hasBlank(this.#words, "temporary") ? mkdtempSync(join(tmpdir(), "crosstalk-")) : null;
    const words = fillIn(this.#words, {
      "model.gguf": model,
      "model.hf": model,
      port: String(port),
      host: "127.0.0.1",
      ...(adapters === undefined ? {} : { adapters }),
      ...(temporary === null ? {} : { temporary }),
    });
    const left = withoutSettings(words, this.#leftOut);
    this.#args = left.slice(1);
    const running = this.#spawn(left, temporary);
    const ended = running.exited.then(async (exit) => {
      throw (await portInUse(port)) ? portTaken(port) : this.#exitedEarly(left, exit, running.log);
    });
    ended.catch(() => {});
    const baseUrl = `http://127.0.0.1:${port}`;
    try {
      await untilReady({
        baseUrl,
        profile,
        timeoutMs: this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS,
        ended,
        logs: () => running.log.lines,
      });
    } catch (error) {
      await this.stop();
      throw error;
    }
    return baseUrl;
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.stopping = true;
    this.#dutyCycle.stop();
    this.#signal("SIGTERM");
    // A paused server sees no SIGTERM.
    this.#signal("SIGCONT");
    const force = setTimeout(() => this.#signal("SIGKILL"), STOP_GRACE_MS);
    await running.exited;
    clearTimeout(force);
    // Children that outlived their parent.
    this.#signal("SIGKILL");
    running.forget();
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
    running.log.close();
    this.#running = null;
  }

  async restart(): Promise<string> {
    await this.stop();
    return this.start();
  }

  #spawn(words: readonly string[], temporary: string | null): Running {
    const child = spawn(words[0]!, words.slice(1), {
      detached: true, // its own process group, so that all of it can be signalled
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...this.#options.profile.environment, ...process.env, ...this.#options.env },
    });
    const log = new LogTail(this.#options.logFile ?? null);
    this.#log = log;
    log.follow(child.stdout!);
    log.follow(child.stderr!);
    const exited = new Promise<ServerExit>((resolve, reject) => {
      // `close` and not `exit`: by then its last lines have been read. A child of its own that went out of its process
      // group may hold its output open for ever: that is not waited for.
      child.once("exit", (code, signal) => {
        const waited = setTimeout(() => resolve({ code, signal }), LAST_WORDS_MS);
        child.once("close", () => {
          clearTimeout(waited);
          resolve({ code, signal });
        });
      });
      child.once("error", (cause) => {
        if (child.pid === undefined) reject(notStarted(words[0]!, cause));
      });
    });
    const cleanTemporary = () => {
      if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
    };
    const unlist = stopAtExit({
      stop: () => this.stop(),
      endNow: () => {
        this.#signal(this.#launches() ? "SIGTERM" : "SIGKILL");
        cleanTemporary();
      },
    });
    const forget = () => {
      unlist();
      cleanTemporary();
    };
    const running: Running = { child, exited, log, forget, exit: null, stopping: false };
    this.#running = running;
    exited.then(
      (exit) => {
        running.exit = exit;
        if (!running.stopping) this.#exits.fire(exit);
      },
      () => {
        // It never ran: there is nothing to stop.
        forget();
        log.close();
        this.#running = null;
      },
    );
    return running;
  }

  /** Signals the whole process group; harmless where it is gone. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#running?.child.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  #exitedEarly(words: readonly string[], exit: ServerExit, log: LogTail): CrosstalkError {
    return new CrosstalkError(
      "ENGINE_EXITED",
      `the server ended ${describeExit(exit)} before it was ready; ${lastLines(log.lines)}`,
      `Run the command by hand to see why: ${joinCommand(words)}`,
    );
  }
}

function notStarted(executable: string, cause: Error): CrosstalkError {
  const why = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "command not found" : cause.message;
  return new CrosstalkError(
    "ENGINE_EXITED",
    `the server could not be started: ${executable}: ${why}`,
    "Give the full path of the executable in --cmd, or put its folder on PATH.",
    { cause },
  );
}
