/** The tracer model on disk. */

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrosstalkError } from "../errors.ts";
import { type Manifest, tracerModel } from "../tracer/manifest.ts";

/** Writes the model. @throws CrosstalkError OUTPUT_NOT_WRITABLE */
export function writeModel(path: string): Manifest {
  const { manifest, pieces } = tracerModel();
  try {
    const file = openSync(path, "w");
    try {
      for (const piece of pieces) writeSync(file, piece);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new CrosstalkError(
      "OUTPUT_NOT_WRITABLE",
      `cannot write the model to ${path}: ${(cause as Error).message}`,
      `Choose a place with ${Math.ceil(manifest.bytes / 1e6)} MB of room.`,
      { cause },
    );
  }
  return manifest;
}

/** Writes the model to a folder of its own, which goes when the program ends. */
export function temporaryModel(): { readonly path: string; readonly manifest: Manifest } {
  const folder = mkdtempSync(join(tmpdir(), "crosstalk-model-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "tracer.gguf");
  return { path, manifest: writeModel(path) };
}
