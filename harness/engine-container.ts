/** The testcontainers side of a container server. Loaded only when a container is started: it is a large library. */

import type Dockerode from "dockerode";
import {
  type BoundPorts,
  GenericContainer,
  getContainerRuntimeClient,
  PullPolicy,
  type StartedTestContainer,
  type WaitStrategy,
} from "testcontainers";
import { CONTAINER_LABEL } from "./docker.ts";

export interface EngineContainerOptions {
  readonly image: string;
  readonly args: readonly string[];
  readonly port: number;
  /** Null for Docker's own bridge. On `host` the port is the machine's own. */
  readonly network: string | null;
  /** Files and folders of this machine that it may read. */
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  /** Bytes of /dev/shm; null for Docker's default. */
  readonly sharedMemory: number | null;
  readonly env: Readonly<Record<string, string>>;
  /** How many GPUs it gets: `docker run --gpus`. */
  readonly gpus: number | "all" | null;
  /** Called as soon as the container exists, before it starts. */
  readonly onCreated: (container: Dockerode.Container) => Promise<void>;
  /** Waits until the server answers; gets the port on this machine. */
  readonly untilReady: (port: number) => Promise<void>;
}

class EngineContainer extends GenericContainer {
  readonly #options: EngineContainerOptions;

  constructor(options: EngineContainerOptions) {
    super(options.image);
    this.#options = options;
  }

  protected override async beforeContainerCreated(): Promise<void> {
    const { gpus } = this.#options;
    if (gpus === null) return;
    const DeviceIDs = gpus === "all" ? null : Array.from({ length: gpus }, (_, i) => String(i));
    this.hostConfig.DeviceRequests = [
      { Driver: "", Capabilities: [["gpu"]], ...(DeviceIDs === null ? { Count: -1 } : { DeviceIDs }) },
    ];
  }

  protected override async containerCreated(id: string): Promise<void> {
    const client = await getContainerRuntimeClient();
    await this.#options.onCreated(client.container.getById(id));
  }
}

/** Starts it; its clean-up is Crosstalk's own, not that of testcontainers' reaper (whose image may be out of reach). */
export function startEngineContainer(options: EngineContainerOptions): Promise<StartedTestContainer> {
  const onHost = options.network === "host";
  const untilReady: WaitStrategy = {
    waitUntilReady: (_container: Dockerode.Container, ports: BoundPorts) =>
      options.untilReady(onHost ? options.port : ports.getBinding(options.port)),
    withStartupTimeout: () => untilReady,
    isStartupTimeoutSet: () => true,
    getStartupTimeout: () => 0,
  };
  const container = new EngineContainer(options)
    .withAutoCleanup(false)
    .withPullPolicy(PullPolicy.defaultPolicy())
    .withCommand([...options.args])
    .withBindMounts(options.mounts.map((mount) => ({ ...mount, mode: "ro" })))
    .withLabels(CONTAINER_LABEL)
    .withEnvironment({ ...options.env })
    .withWaitStrategy(untilReady);
  if (options.sharedMemory !== null) container.withSharedMemorySize(options.sharedMemory);
  if (options.network !== null) container.withNetworkMode(options.network);
  if (!onHost) container.withExposedPorts(options.port);
  return container.start();
}
