/** A server in a container of its own, started from the engine's image. */

import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import type Dockerode from "dockerode";
import { CrosstalkError } from "../src/errors.ts";
import { ADAPTER_FOLDER } from "../src/tracer/adapter-files.ts";
import { stopAtExit } from "./cleanup.ts";
import { fillIn, joinCommand } from "./command-line.ts";
import { requireDocker, requireImage } from "./docker.ts";
import type { EngineProfile } from "./engines/profile.ts";
import type { FaultInjector } from "./faults.ts";
import { LogTail, lastLines } from "./log-tail.ts";
import { freePort } from "./port.ts";
import { untilReady } from "./ready.ts";
import { describeExit, ExitListeners, READY_TIMEOUT_MS, type Server, type ServerExit } from "./server.ts";
import { withoutSettings } from "./settings.ts";

export interface ContainerServerOptions {
  readonly profile: EngineProfile;
  /** Model file or folder on this machine. */
  readonly model: string;
  /** Folder with the model's adapters, to be loaded; without it the server has none. */
  readonly adapters?: string;
  /** Another image than the profile's; it must have the same entry point. */
  readonly image?: string;
  /** Arguments added after the profile's own: the last of a kind wins. */
  readonly extraArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly gpus?: number | "all";
  /**
   * Name of a Docker network, or `host`: the server then listens on this machine's loopback, for engines without a
   * bridge. Default: the variable CROSSTALK_DOCKER_NETWORK, else Docker's own bridge.
   */
  readonly network?: string;
  readonly readyTimeoutMs?: number;
  readonly logFile?: string;
}

/** Where a container has the folder of adapters. */
const ADAPTERS_PATH = "/adapters";
/** How long a server may take to end after SIGTERM, in milliseconds. */
const STOP_GRACE_MS = 5_000;
/** Of the CPU quota, in microseconds: the kernel's own default. */
const CPU_PERIOD_US = 100_000;

interface Running {
  readonly container: Dockerode.Container;
  readonly log: LogTail;
  readonly forget: () => void;
  readonly exited: Promise<ServerExit>;
  exit: ServerExit | null;
  stopping: boolean;
}

export class ContainerServer implements Server {
  readonly kind = "container";
  readonly faults: FaultInjector;
  readonly #options: ContainerServerOptions;
  readonly #exits = new ExitListeners();
  readonly #network: string | null;
  /** Port that the server listens on in its own network. */
  #port: number;
  #leftOut: readonly string[] = [];
  #running: Running | null = null;
  #log: LogTail | null = null;

  constructor(options: ContainerServerOptions) {
    this.#options = options;
    this.#network = options.network ?? process.env.CROSSTALK_DOCKER_NETWORK ?? null;
    this.#port = options.profile.defaultPort;
    // The freezer stops every process of the container, not only the first.
    this.faults = {
      pause: async () => void (await this.#running?.container.pause()),
      resume: async () => void (await this.#running?.container.unpause()),
      throttle: async (share) => {
        const quota = share === null ? -1 : Math.round(share * CPU_PERIOD_US);
        await this.#running?.container.update({ CpuPeriod: CPU_PERIOD_US, CpuQuota: quota });
      },
      kill: async () => {
        const running = this.#running;
        await running?.container.kill({ signal: "SIGKILL" });
        await running?.exited;
      },
    };
  }

  get alive(): boolean {
    return this.#running !== null && this.#running.exit === null;
  }

  get args(): readonly string[] {
    return this.#argsAt(this.#network === "host" ? "127.0.0.1" : "0.0.0.0", this.#port);
  }

  get startCommand(): readonly string[] {
    const { profile, adapters, env, gpus, image } = this.#options;
    const shm = profile.image.sharedMemory;
    const words = [
      ...["docker", "run", "--rm", "-p", `127.0.0.1:$PORT:${profile.defaultPort}`],
      ...["-v", `$PWD/$MODEL:${profile.image.modelPath}:ro`],
      ...(adapters === undefined ? [] : ["-v", `$PWD/${ADAPTER_FOLDER}:${ADAPTERS_PATH}:ro`]),
      ...(shm === null ? [] : ["--shm-size", String(shm)]),
      ...Object.entries({ ...profile.environment, ...env }).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      ...(gpus === undefined ? [] : ["--gpus", String(gpus)]),
      image ?? profile.image.name,
      ...this.#argsAt("0.0.0.0", profile.defaultPort),
    ];
    const build = image === undefined ? profile.image.build : null;
    return [...(build === null ? [] : [build]), joinCommand(words)];
  }

  leaveOut(settings: readonly string[]): void {
    this.#leftOut = settings;
  }

  logs(): readonly string[] {
    return this.#log?.lines ?? [];
  }

  onExit(listener: (exit: ServerExit) => void): () => void {
    return this.#exits.add(listener);
  }

  /** @throws CrosstalkError DOCKER_UNAVAILABLE, IMAGE_MISSING, ENGINE_EXITED or ENGINE_NOT_READY */
  async start(): Promise<string> {
    await this.stop();
    await requireDocker();
    const { profile, image, model, adapters, env, gpus } = this.#options;
    const source = image === undefined ? profile.image : { ...profile.image, name: image, build: null };
    await requireImage(source);
    const { startEngineContainer } = await import("./engine-container.ts");
    const log = new LogTail(this.#options.logFile ?? null);
    this.#log = log;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    if (this.#network === "host") this.#port = await freePort();
    let baseUrl = "";
    const started = startEngineContainer({
      image: source.name,
      args: this.args,
      port: this.#port,
      network: this.#network,
      mounts: [
        { source: resolve(model), target: profile.image.modelPath },
        ...(adapters === undefined ? [] : [{ source: resolve(adapters), target: ADAPTERS_PATH }]),
      ],
      sharedMemory: profile.image.sharedMemory,
      env: { ...profile.environment, ...env },
      gpus: gpus ?? null,
      onCreated: (container) => this.#watch(container, log, (exit) => ended.reject(this.#exitedEarly(exit, log))),
      untilReady: (port) => {
        baseUrl = `http://127.0.0.1:${port}`;
        return untilReady({
          baseUrl,
          profile,
          timeoutMs: this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS,
          ended: ended.promise,
          logs: () => log.lines,
        });
      },
    });
    started.catch(() => {}); // where `ended` wins, testcontainers goes on looking for the ports for a while
    try {
      await Promise.race([started, ended.promise]);
    } catch (error) {
      await this.stop();
      throw asStartError(error, source.name);
    }
    return baseUrl;
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.stopping = true;
    const { container } = running;
    // Errors: not paused, already stopped, or already removed, by itself or by testcontainers after a failed start.
    await container.unpause().catch(() => {});
    await container.stop({ t: STOP_GRACE_MS / 1000 }).catch(() => {});
    await container.remove({ force: true, v: true }).catch(() => {});
    running.forget();
    running.log.close();
    this.#running = null;
  }

  async restart(): Promise<string> {
    await this.stop();
    return this.start();
  }

  #argsAt(host: string, port: number): readonly string[] {
    const { profile, adapters, extraArgs = [] } = this.#options;
    const { modelPath } = profile.image;
    const blanks = {
      "model.gguf": modelPath,
      "model.hf": modelPath,
      adapters: ADAPTERS_PATH,
      host,
      port: String(port),
      temporary: "/tmp",
    };
    const words = [...profile.serve, ...(adapters === undefined ? [] : profile.adapterArgs)];
    const all = [...fillIn(words, blanks).slice(profile.image.entryPoint.length), ...extraArgs];
    return withoutSettings(all, this.#leftOut);
  }

  /** Attached before the container starts: not even its first line is lost, nor an end that comes at once. */
  async #watch(container: Dockerode.Container, log: LogTail, onEnd: (exit: ServerExit) => void): Promise<void> {
    const forget = stopAtExit({
      stop: () => this.stop(),
      endNow: () => void spawnSync("docker", ["rm", "--force", "--volumes", container.id], { stdio: "ignore" }),
    });
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    container.modem.demuxStream(output, log.sink, log.sink);
    const exited = new Promise<ServerExit>((done) => {
      // The stream ends when the container does, and also when it cannot start: then `start` has the reason.
      const ask = () => void exitOf(container).then((exit) => exit && done(exit));
      output.once("close", ask);
      output.once("end", ask);
    });
    const running: Running = { container, log, forget, exited, exit: null, stopping: false };
    this.#running = running;
    void exited.then((exit) => {
      running.exit = exit;
      onEnd(exit);
      if (!running.stopping) this.#exits.fire(exit);
    });
  }

  #exitedEarly(exit: ServerExit, log: LogTail): CrosstalkError {
    return new CrosstalkError(
      "ENGINE_EXITED",
      `the server ended ${describeExit(exit)} before it was ready; ${lastLines(log.lines)}`,
      `Run it by hand to see why: ${this.startCommand.at(-1)}`,
    );
  }
}

/** Null for a container that Docker could not even start. */
async function exitOf(container: Dockerode.Container): Promise<ServerExit | null> {
  try {
    const { State } = await container.inspect();
    if (State.Status === "created") return null;
    return State.ExitCode > 128
      ? { code: null, signal: `number ${State.ExitCode - 128}` }
      : { code: State.ExitCode, signal: null };
  } catch {
    return { code: null, signal: "unknown (the container is gone)" };
  }
}

function asStartError(error: unknown, image: string): CrosstalkError {
  if (error instanceof CrosstalkError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/no such image|pull access denied|manifest unknown|not found/i.test(message)) {
    return new CrosstalkError("IMAGE_MISSING", `${image}: ${message}`, `Get the image first: docker pull ${image}`, {
      cause: error,
    });
  }
  if (/device driver|nvidia|gpu/i.test(message)) {
    return new CrosstalkError(
      "DOCKER_UNAVAILABLE",
      `Docker cannot give a container a GPU: ${message}`,
      "Install the NVIDIA container toolkit, or run without --gpus.",
      { cause: error },
    );
  }
  if (/endpoint|bridge|network/i.test(message)) {
    return new CrosstalkError(
      "DOCKER_UNAVAILABLE",
      `Docker could not connect a container: ${message}`,
      "Restart the Docker engine, or set CROSSTALK_DOCKER_NETWORK=host to do without its bridge.",
      { cause: error },
    );
  }
  return new CrosstalkError(
    "ENGINE_NOT_READY",
    `the container could not be started: ${message}`,
    "See the message; `docker ps -a --filter label=crosstalk=1` shows what is left.",
    { cause: error },
  );
}
