/** From options to a target. The harness is loaded only where an engine is wanted. */

import { CrosstalkError } from "../errors.ts";
import { labTarget } from "../lab/target.ts";
import type { Target } from "../target/target.ts";
import { tracerModel } from "../tracer/manifest.ts";
import { temporaryModel } from "./model-file.ts";

export interface TargetOptions {
  /** `lab`, `container` or a URL; chosen from the other options where left out. */
  readonly target?: string;
  readonly engine?: string;
  readonly image?: string;
  readonly cmd?: string;
  readonly port?: number;
  readonly fault?: string;
  readonly topology?: "single" | "pd";
  readonly allowRemote?: boolean;
  readonly gpus?: string;
}

/** Name of the environment variable that switches a planted fault on in Crosstalk's images. */
const FAULT_VARIABLE = "CROSSTALK_FAULT";
const DEFAULT_ENGINE = "llama.cpp";

/** @throws CrosstalkError INVALID_OPTION for options that do not go together */
export async function openTarget(options: TargetOptions): Promise<Target> {
  const kind = options.target ?? (options.cmd ? "process" : options.engine || options.image ? "container" : "lab");
  if (kind === "lab") return openLab(options);
  if (options.topology) throw unfit("--topology", "the lab");
  const { ContainerServer, engineProfile, ProcessServer, ServerTarget, UrlServer } = await import(
    "../../harness/index.ts"
  );
  const profile = engineProfile(options.engine ?? DEFAULT_ENGINE);
  const fault = options.fault ?? null;
  const env: Record<string, string> = fault === null ? {} : { [FAULT_VARIABLE]: fault };
  if (/^https?:/.test(kind)) {
    if (fault !== null) throw unfit("--fault", "a lab, container or command that Crosstalk starts");
    const server = new UrlServer({ url: kind, profile, allowRemote: options.allowRemote ?? false });
    return new ServerTarget({ server, profile, model: tracerModel().manifest.sha256 });
  }
  if (kind !== "container" && kind !== "process") {
    throw new CrosstalkError(
      "INVALID_OPTION",
      `--target ${kind} is no target`,
      "Give lab, container or a URL such as http://127.0.0.1:8080.",
    );
  }
  if (kind === "process" && options.cmd === undefined) throw unfit("--target process", "--cmd");
  const { path, manifest } = temporaryModel();
  const server =
    kind === "process"
      ? new ProcessServer({
          command: options.cmd!,
          profile,
          model: path,
          env,
          ...(options.port === undefined ? {} : { port: options.port }),
        })
      : new ContainerServer({
          profile,
          model: path,
          env,
          ...(options.image === undefined ? {} : { image: options.image }),
          ...(options.gpus === undefined ? {} : { gpus: options.gpus === "all" ? "all" : Number(options.gpus) }),
        });
  return new ServerTarget({ server, profile, model: manifest.sha256, fault });
}

function openLab(options: TargetOptions): Target {
  if (options.cmd) throw unfit("--cmd", "another target than the lab");
  return labTarget({
    model: tracerModel().manifest.sha256,
    topology: options.topology ?? "single",
    fault: options.fault ?? null,
  });
}

function unfit(option: string, with_: string): CrosstalkError {
  return new CrosstalkError("INVALID_OPTION", `${option} goes with ${with_} only`, "See `crosstalk run --help`.");
}
