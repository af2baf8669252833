/** A server in a container of its own, started from the engine's image. */

import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import type Dockerode from "dockerode";
import { CrosstalkError } from "../src/errors.ts";
import { stopAtExit } from "./cleanup.ts";
import { fillIn, joinCommand } from "./command-line.ts";
import { requireDocker, requireImage } from "./docker.ts";
import type { EngineProfile } from "./engines/profile.ts";
import type { FaultInjector } from "./faults.ts";
import { LogTail, lastLines } from "./log-tail.ts";
import { untilReady } from "./ready.ts";
import { describeExit, ExitListeners, READY_TIMEOUT_MS, type Server, type ServerExit } from "./server.ts";

export interface ContainerServerOptions {
  readonly profile: EngineProfile;
  /** Model file or folder on this machine. */
  readonly model: string;
  /** Another image than the profile's; it must have the same entry point. */
  readonly image?: string;
  /** Arguments added after the profile's own: the last of a kind wins. */
  readonly extraArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly gpus?: number | "all";
  readonly readyTimeoutMs?: number;
  readonly logFile?: string;
}

/** How long a server may take to end after SIGTERM, in milliseconds. */
const STOP_GRACE_MS = 5_000;

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
  readonly args: readonly string[];
  readonly #options: ContainerServerOptions;
  readonly #exits = new ExitListeners();
  #running: Running | null = null;
  #log: LogTail | null = null;

  constructor(options: ContainerServerOptions) {
    this.#options = options;
    const { profile } = options;
    const words = fillIn(profile.serve, {
      "model.gguf": profile.image.modelPath,
      "model.hf": profile.image.modelPath,
      host: "0.0.0.0",
      port: String(profile.defaultPort),
      temporary: "/tmp",
    });
    this.args = [...words.slice(1), ...(options.extraArgs ?? [])];
    // The freezer stops every process of the container, not only the first.
    this.faults = {
      pause: async () => void (await this.#running?.container.pause()),
      resume: async () => void (await this.#running?.container.unpause()),
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

  get startCommand(): readonly string[] {
    const { profile, env, gpus, image } = this.#options;
    const words = [
      ...["docker", "run", "--rm", "-p", `127.0.0.1:$PORT:${profile.defaultPort}`],
      ...["-v", `$MODEL:${profile.image.modelPath}:ro`],
      ...Object.entries(env ?? {}).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      ...(gpus === undefined ? [] : ["--gpus", String(gpus)]),
      image ?? profile.image.name,
      ...this.args,
    ];
    const build = image === undefined ? profile.image.build : null;
    return [...(build === null ? [] : [build]), joinCommand(words)];
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
    const { profile, image, model, env, gpus } = this.#options;
    const source = image === undefined ? profile.image : { ...profile.image, name: image, build: null };
    await requireImage(source);
    const { startEngineContainer } = await import("./engine-container.ts");
    const log = new LogTail(this.#options.logFile ?? null);
    this.#log = log;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    let baseUrl = "";
    const started = startEngineContainer({
      image: source.name,
      args: this.args,
      port: profile.defaultPort,
      model: { source: resolve(model), target: profile.image.modelPath },
      env: env ?? {},
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

  /** Attached before the container starts: not even its first line is lost, nor an end that comes at once. */
  async #watch(container: Dockerode.Container, log: LogTail, onEnd: (exit: ServerExit) => void): Promise<void> {
    const forget = stopAtExit({
      stop: () => this.stop(),
      endNow: () => void spawnSync("docker", ["rm", "--force", "--volumes", container.id], { stdio: "ignore" }),
    });
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    container.modem.demuxStream(output, log.sink, log.sink);
    const exited = new Promise<ServerExit>((done) => {
      // The stream ends when the container does.
      output.once("close", () => void exitOf(container).then(done));
      output.once("end", () => void exitOf(container).then(done));
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

async function exitOf(container: Dockerode.Container): Promise<ServerExit> {
  try {
    const { State } = await container.inspect();
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
  return new CrosstalkError(
    "ENGINE_NOT_READY",
    `the container could not be started: ${message}`,
    "See the message; `docker ps -a --filter label=crosstalk=1` shows what is left.",
    { cause: error },
  );
}
