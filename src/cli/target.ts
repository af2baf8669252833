/** From options to a target. The harness is loaded only where an engine is wanted. */

import type { EngineProfile, PlantedFault } from "../../harness/engines/profile.ts";
import { CrosstalkError } from "../errors.ts";
import { LAB_FAULTS } from "../lab/faults/index.ts";
import type { LabPresetName } from "../lab/presets.ts";
import { labTarget } from "../lab/target.ts";
import type { Target } from "../target/target.ts";
import { usesAdapters } from "../trace/options.ts";
import type { Trace } from "../trace/schema.ts";
import { tracerModel } from "../tracer/manifest.ts";
import { type ModelOnDisk, readModel, temporaryModel } from "./model-file.ts";

export interface TargetOptions {
  /** `lab`, `container` or a URL; chosen from the other options where left out. */
  readonly target?: string;
  readonly engine?: string;
  readonly image?: string;
  readonly cmd?: string;
  /** Arguments added to the engine's own, in the container. */
  readonly args?: string;
  readonly port?: number;
  /** A folder that `crosstalk model write` wrote. */
  readonly model?: string;
  readonly fault?: string;
  /** Requests are to have adapters: some of them, or all of them or the base model by name. */
  readonly adapters?: "some" | "all";
  readonly topology?: "single" | "pd";
  /** The engine whose shape the lab has. */
  readonly preset?: LabPresetName;
  /** Of the lab's timing. */
  readonly schedulerSeed?: number;
  /** Runs of a trace on the lab are to differ in their timing. */
  readonly jitter?: boolean;
  readonly allowRemote?: boolean;
  readonly gpus?: number | "all";
}

const DEFAULT_ENGINE = "llama.cpp";

/**
 * @param trace the only one that it is wanted for: it loads adapters if that has any
 * @throws CrosstalkError INVALID_OPTION for options that do not go together
 */
export async function openTarget(options: TargetOptions, trace?: Trace): Promise<Target> {
  const kind = kindOf(options);
  const { fault = null, topology = "single", preset = null } = options;
  refuseUnfit(options, kind);
  const adapters = options.adapters !== undefined || (trace !== undefined && usesAdapters(trace));
  if (kind === "lab") {
    const { jitter = false, schedulerSeed = null } = options;
    const model = tracerModel().manifest.sha256;
    return labTarget({ model, topology, preset, fault, adapters, schedulerSeed, jitter });
  }
  const harness = await import("../../harness/index.ts");
  // The command ends the run itself, so that what was found is kept.
  harness.leaveSignalsToProgram();
  const profile = harness.engineProfile(options.engine ?? DEFAULT_ENGINE);
  const planted = profile.faults.find((f) => f.name === fault);
  const given = options.model === undefined ? null : givenModel(options.model, profile);
  if (/^https?:/.test(kind)) {
    const model = given?.manifest ?? tracerModel({ format: profile.modelFormat }).manifest;
    return harness.urlTarget({ url: kind, profile, model, allowRemote: options.allowRemote ?? false });
  }
  if (kind === "process") {
    const { cmd, port } = options;
    if (cmd === undefined) throw unfit("target", "a --cmd");
    const place = port === undefined ? {} : { port };
    const model = given ?? temporaryModel({ format: profile.modelFormat });
    return harness.processTarget({ command: cmd, profile, model, fault, adapters, ...place });
  }
  if (kind === "container") {
    const { image, gpus, args = "" } = options;
    if (fault !== null && !planted && image === undefined) {
      const names = profile.faults.map((f) => f.name).join(", ");
      throw new CrosstalkError("INVALID_OPTION", `the image has no fault "${fault}"`, `Choose one of ${names}.`);
    }
    return harness.containerTarget({
      profile,
      model: given ?? temporaryModel({ format: profile.modelFormat }),
      fault,
      adapters,
      ...(image === undefined ? {} : { image }),
      ...(gpus === undefined ? {} : { gpus }),
      extraArgs: [...(planted?.args ?? []), ...(args === "" ? [] : harness.splitCommand(args))],
    });
  }
  const hint = "Give lab, container or a URL such as http://127.0.0.1:8080.";
  throw new CrosstalkError("INVALID_OPTION", `--target ${kind} is no target`, hint);
}

const kindOf = ({ target, cmd, engine, image }: TargetOptions): string =>
  target ?? (cmd ? "process" : engine || image ? "container" : "lab");

/** The options with the adapters that the planted fault needs, where they say nothing of adapters. */
export async function withNeedsOfFault<Options extends TargetOptions>(options: Options): Promise<Options> {
  if (options.fault === undefined || options.adapters !== undefined) return options;
  const faults: readonly Pick<PlantedFault, "name" | "adapters">[] =
    kindOf(options) === "lab"
      ? LAB_FAULTS
      : (await import("../../harness/index.ts")).engineProfile(options.engine ?? DEFAULT_ENGINE).faults;
  const adapters = faults.find(({ name }) => name === options.fault)?.adapters;
  return adapters === undefined ? options : { ...options, adapters };
}

/** @throws CrosstalkError WRONG_MODEL for a model that the engine cannot load */
function givenModel(folder: string, profile: EngineProfile): ModelOnDisk {
  const model = readModel(folder);
  if (model.manifest.format === profile.modelFormat) return model;
  throw new CrosstalkError(
    "WRONG_MODEL",
    `${folder} holds a model in format ${model.manifest.format}, and ${profile.title} loads ${profile.modelFormat}`,
    `Write one: crosstalk model write ${folder}-${profile.modelFormat} --format ${profile.modelFormat}`,
  );
}

/** What each option needs: said, rather than ignored. */
const PARTNERS = {
  cmd: { kinds: ["process"], partner: "no other --target" },
  port: { kinds: ["process"], partner: "--cmd" },
  image: { kinds: ["container"], partner: "a container" },
  args: { kinds: ["container"], partner: "a container: put them into --cmd" },
  gpus: { kinds: ["container"], partner: "a container" },
  topology: { kinds: ["lab"], partner: "the lab" },
  preset: { kinds: ["lab"], partner: "the lab" },
  schedulerSeed: { kinds: ["lab"], partner: "the lab" },
  jitter: { kinds: ["lab"], partner: "the lab" },
  model: { kinds: ["container", "process", "url"], partner: "a server" },
  engine: { kinds: ["container", "process", "url"], partner: "a server" },
  fault: { kinds: ["lab", "container", "process"], partner: "what Crosstalk starts" },
  adapters: { kinds: ["lab", "container", "process"], partner: "what Crosstalk starts" },
  allowRemote: { kinds: ["url"], partner: "a URL" },
} as const;

function refuseUnfit(options: TargetOptions, kind: string): void {
  const family = /^https?:/.test(kind) ? "url" : kind;
  for (const [option, { kinds, partner }] of Object.entries(PARTNERS)) {
    const given = options[option as keyof TargetOptions] !== undefined;
    if (given && !(kinds as readonly string[]).includes(family)) throw unfit(option, partner);
  }
}

function unfit(option: string, partner: string): CrosstalkError {
  const flag = `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return new CrosstalkError("INVALID_OPTION", `${flag} goes with ${partner}`, "See `crosstalk run --help`.");
}
