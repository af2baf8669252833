/** Faults of the lab that lie outside Crosstalk: modules in a folder, each of which exports one or more. */

import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { CrosstalkError } from "../errors.ts";
import { FAULT_CLASSES, type LabFault } from "../lab/faults/fault.ts";

/** What a fault must have, whoever wrote it. */
const shape = z.object({
  name: z.string().min(1),
  mistake: z.string(),
  class: z.enum(FAULT_CLASSES),
  resembles: z.object({ title: z.string(), url: z.url() }),
  trigger: z.string(),
  symptom: z.string(),
  breaks: z.string(),
  shows: z.array(z.string()).min(1),
  heals: z.array(z.string()),
  adapters: z.literal("some").optional(),
  topologies: z.array(z.enum(["single", "pd"])).min(1),
  plant: z.custom<LabFault["plant"]>((value) => typeof value === "function", "must be a function"),
});

/**
 * The faults of all modules in a folder, in order of file names.
 * @throws CrosstalkError INVALID_OPTION for a folder that cannot be read, a module that cannot be loaded or has no fault,
 *   and a fault that lacks something
 */
export async function faultsOf(folder: string): Promise<LabFault[]> {
  const files = filesOf(folder);
  const found = await Promise.all(files.map((file) => faultsIn(resolve(folder, file))));
  return found.flat();
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.m?[jt]s$/.test(name) && !/\.(test|d)\.m?ts$/.test(name))
      .sort();
  } catch (cause) {
    throw new CrosstalkError(
      "INVALID_OPTION",
      `--faults ${folder} cannot be read: ${(cause as Error).message}`,
      "Give a folder of modules that export faults; CONTRIBUTING.md shows one.",
      { cause },
    );
  }
}

async function faultsIn(file: string): Promise<LabFault[]> {
  const refuse = (what: string, cause?: unknown): never => {
    throw new CrosstalkError(
      "INVALID_OPTION",
      `${file}: ${what}`,
      "A module exports faults made with defineFault; CONTRIBUTING.md shows one.",
      { cause },
    );
  };
  const module: Record<string, unknown> = await import(pathToFileURL(file).href).catch((error: Error) =>
    refuse(error.message, error),
  );
  const planted = Object.values(module).filter(
    (value) => typeof value === "object" && value !== null && "plant" in value,
  );
  if (planted.length === 0) refuse("exports no fault");
  return planted.map((value) => {
    const { error } = shape.safeParse(value);
    return error ? refuse(z.prettifyError(error)) : (value as LabFault);
  });
}
