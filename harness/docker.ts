/** The Docker engine of this machine: whether it answers, what it has, and what Crosstalk left behind on it. */

import Docker from "dockerode";
import { CrosstalkError } from "../src/errors.ts";
import type { EngineImage } from "./engines/profile.ts";

/** Every container of Crosstalk carries it, so that leftovers can be found: `docker ps --filter label=crosstalk=1`. */
export const CONTAINER_LABEL = { crosstalk: "1" } as const;

export type DockerState =
  | { readonly answers: true; readonly version: string; readonly gpus: boolean }
  | { readonly answers: false; readonly reason: string };

const PING_TIMEOUT_MS = 5_000;

/** Asks the engine that DOCKER_HOST or the default socket names. Never throws. */
export async function dockerState(): Promise<DockerState> {
  try {
    const docker = new Docker({ timeout: PING_TIMEOUT_MS });
    const { Version } = await docker.version();
    const info: { readonly Runtimes?: Readonly<Record<string, unknown>> } = await docker.info();
    return { answers: true, version: Version, gpus: "nvidia" in (info.Runtimes ?? {}) };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" || code === "ECONNREFUSED"
        ? "no Docker engine is running"
        : code === "EACCES"
          ? "this user may not use the Docker engine"
          : message;
    return { answers: false, reason: why };
  }
}

/** @throws CrosstalkError DOCKER_UNAVAILABLE */
export async function requireDocker(): Promise<void> {
  const state = await dockerState();
  if (state.answers) return;
  throw new CrosstalkError(
    "DOCKER_UNAVAILABLE",
    state.reason,
    "Start Docker (docker/bootstrap.sh does on Debian), use the lab (--target lab), or a server of your own with --cmd.",
  );
}

/**
 * An image that can only be built here must be here. One of a registry may be pulled when it is needed.
 * @throws CrosstalkError IMAGE_MISSING with the command that builds it
 */
export async function requireImage(image: EngineImage): Promise<void> {
  if (image.build === null || (await hasImage(image.name))) return;
  throw new CrosstalkError(
    "IMAGE_MISSING",
    `the image ${image.name} is not on this machine`,
    `Build it: ${image.build} (where no image registry can be reached: docker/bootstrap.sh)`,
  );
}

export async function hasImage(name: string): Promise<boolean> {
  try {
    await new Docker().getImage(name).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

/** Containers of Crosstalk that are there: of a run under way, or of one that was killed before it could remove them. */
export async function countContainers(): Promise<number> {
  const labels = Object.entries(CONTAINER_LABEL).map(([name, value]) => `${name}=${value}`);
  return (await new Docker().listContainers({ all: true, filters: { label: labels } })).length;
}
