/** `crosstalk lab`: the embedded lab behind HTTP, so that a lab repro runs like any other. */

import { once } from "node:events";
import { LAB_PRESETS, type LabPresetName } from "../lab/presets.ts";
import type { Dialect } from "../target/dialect.ts";
import { EXIT } from "./exit.ts";
import { withInterrupt } from "./interrupt.ts";

export interface LabCommandOptions {
  readonly port: number;
  readonly topology: "single" | "pd";
  readonly fault?: string;
  readonly preset?: LabPresetName;
  /** Default: the preset's, or llama-server's. */
  readonly dialect?: Dialect;
  readonly adapters?: boolean;
  readonly schedulerSeed?: number;
  /** Virtual time that passes for each unit of real time. */
  readonly speed: number;
}

/** Serves until Ctrl-C. */
export async function lab(options: LabCommandOptions): Promise<number> {
  const { serveLab } = await import("../../harness/lab-http.ts");
  return withInterrupt(async (signal) => {
    const { port, topology, preset = null, speed, fault = null, adapters = false, schedulerSeed = null } = options;
    const dialect = options.dialect ?? (preset === null ? "llama-server" : LAB_PRESETS[preset].dialect);
    const server = await serveLab({ port, dialect, speed, lab: { topology, preset, fault, adapters, schedulerSeed } });
    const shape = preset === null ? topology : `${topology}, preset ${preset}`;
    const what = `${shape}, ${dialect} dialect, ${fault ? `planted fault ${fault}` : "no fault"}`;
    process.stderr.write(`crosstalk: lab (${what}) on ${server.url}; Ctrl-C ends it\n`);
    if (!signal.aborted) await once(signal, "abort");
    await server.close();
    return EXIT.clean;
  });
}
