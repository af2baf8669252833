/** Targets made of a server and a profile, as a command line or a test asks for them. */

import { CrosstalkError } from "../src/errors.ts";
import type { Manifest } from "../src/tracer/manifest.ts";
import { ContainerServer, type ContainerServerOptions } from "./container-server.ts";
import { llamaCpp } from "./engines/llama-cpp.ts";
import type { EngineProfile } from "./engines/profile.ts";
import { ProcessServer, type ProcessServerOptions } from "./process-server.ts";
import { ServerTarget } from "./server-target.ts";
import { UrlServer, type UrlServerOptions } from "./url-server.ts";

/** The tracer as a file or folder for the engine. */
export interface TracerModelFile {
  readonly path: string;
  /** The folder with its adapters; null where it has none. */
  readonly adapters: string | null;
  readonly manifest: Manifest;
}

interface Common {
  /** Default: llama.cpp. */
  readonly profile?: EngineProfile;
  /** See `RunOptions.drainMs`. */
  readonly drainMs?: number;
}

/** Variable that switches a planted fault on in Crosstalk's images. */
export const FAULT_VARIABLE = "CROSSTALK_FAULT";

interface Planted {
  readonly model: TracerModelFile;
  /** Name of a fault planted in the engine; only Crosstalk's own images have them. */
  readonly fault?: string | null;
  /** Whether the server is to load the model's adapters. */
  readonly adapters?: boolean;
}

export type ContainerTargetOptions = Common & Planted & Omit<ContainerServerOptions, "profile" | "model" | "adapters">;
export type ProcessTargetOptions = Common & Planted & Omit<ProcessServerOptions, "profile" | "model" | "adapters">;
export type UrlTargetOptions = Common & Omit<UrlServerOptions, "profile"> & { readonly model: Manifest };

/** @throws CrosstalkError WRONG_MODEL for a model without adapters */
function adaptersOf({ path, adapters }: TracerModelFile, wanted = false): { readonly adapters?: string } {
  if (!wanted) return {};
  if (adapters !== null) return { adapters };
  throw new CrosstalkError(
    "WRONG_MODEL",
    `${path} has no adapters beside it`,
    "Write it anew with `crosstalk model write`, without a latent and without experts: such models have none.",
  );
}

/** A server in a container of its own; where it gets GPUs, from the image that uses them. */
export function containerTarget(options: ContainerTargetOptions): ServerTarget {
  const { profile = llamaCpp, model, adapters, fault = null, env, drainMs, ...rest } = options;
  const gpuImage = rest.gpus !== undefined && rest.image === undefined ? profile.gpu.image : null;
  const image = gpuImage === null ? {} : { image: gpuImage };
  const loaded = { model: model.path, ...adaptersOf(model, adapters) };
  const server = new ContainerServer({ ...rest, ...image, ...loaded, profile, env: withFault(env, fault) });
  return new ServerTarget({ server, profile, model: model.manifest, fault, ...drain(drainMs) });
}

/** A server started by a command line. @throws CrosstalkError INVALID_OPTION */
export function processTarget(options: ProcessTargetOptions): ServerTarget {
  const { profile = llamaCpp, model, adapters, fault = null, env, drainMs, ...rest } = options;
  const loaded = { model: model.path, ...adaptersOf(model, adapters) };
  const server = new ProcessServer({ ...rest, ...loaded, profile, env: withFault(env, fault) });
  return new ServerTarget({ server, profile, model: model.manifest, fault, ...drain(drainMs) });
}

/** A server that is already running. @throws CrosstalkError INVALID_OPTION or REMOTE_HOST_REFUSED */
export function urlTarget(options: UrlTargetOptions): ServerTarget {
  const { profile = llamaCpp, model, drainMs, ...rest } = options;
  return new ServerTarget({ server: new UrlServer({ ...rest, profile }), profile, model, ...drain(drainMs) });
}

function withFault(env: Readonly<Record<string, string>> | undefined, fault: string | null): Record<string, string> {
  return { ...env, ...(fault === null ? {} : { [FAULT_VARIABLE]: fault }) };
}

const drain = (drainMs: number | undefined) => (drainMs === undefined ? {} : { drainMs });
