/** The tracer model on disk: a folder with the model's files and their manifest. */

import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CrosstalkError } from "../errors.ts";
import { ADAPTER_FOLDER, adapterFiles } from "../tracer/adapter-files.ts";
import {
  DEFAULT_MODEL,
  GGUF_FILE,
  MANIFEST_FILE,
  type Manifest,
  type ModelChoice,
  manifestSchema,
  sumsOf,
  tracerModel,
} from "../tracer/manifest.ts";

/** A model that an engine can load: the file or folder that it is given, and what it is. */
export interface ModelOnDisk {
  readonly path: string;
  /** The folder with its adapters; null where none were written. */
  readonly adapters: string | null;
  readonly manifest: Manifest;
}

/**
 * Writes the model's files, its adapters if it can have any, and, last, the manifest.
 * @throws CrosstalkError OUTPUT_NOT_WRITABLE
 */
export function writeModel(folder: string, choice: Partial<ModelChoice>): ModelOnDisk {
  const { manifest: ofModel, files } = tracerModel(choice);
  const adapters = adapterFiles({ ...DEFAULT_MODEL, ...choice });
  const manifest: Manifest = adapters.size === 0 ? ofModel : { ...ofModel, adapters: sumsOf(adapters) };
  try {
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, MANIFEST_FILE), { force: true });
    for (const [name, pieces] of [...files, ...adapters]) writePieces(join(folder, name), pieces);
    writeFileSync(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  } catch (cause) {
    throw new CrosstalkError(
      "OUTPUT_NOT_WRITABLE",
      `cannot write the model to ${folder}: ${(cause as Error).message}`,
      `Choose a folder with ${Math.ceil(manifest.bytes / 1e6)} MB of room.`,
      { cause },
    );
  }
  return onDisk(folder, manifest);
}

/** Reads a model that `writeModel` wrote, and holds its files to their hashes. @throws CrosstalkError WRONG_MODEL */
export function readModel(folder: string): ModelOnDisk {
  const wrong = (what: string, cause?: unknown) =>
    new CrosstalkError(
      "WRONG_MODEL",
      `${folder} ${what}`,
      `Write it anew: crosstalk model write ${folder}`,
      cause === undefined ? {} : { cause },
    );
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, MANIFEST_FILE), "utf8")));
  } catch (cause) {
    throw wrong(`holds no ${MANIFEST_FILE} that this version can read`, cause);
  }
  for (const { path, sha256 } of [...manifest.files, ...(manifest.adapters ?? [])]) {
    let found: string;
    try {
      found = createHash("sha256")
        .update(readFileSync(join(folder, path)))
        .digest("hex");
    } catch (cause) {
      throw wrong(`has lost ${path}: ${(cause as Error).message}`, cause);
    }
    if (found !== sha256) throw wrong(`holds another ${path} than its manifest says (sha256 ${found})`);
  }
  return onDisk(folder, manifest);
}

/** Writes the model to a folder of its own, which goes when the program ends. */
export function temporaryModel(choice: Partial<ModelChoice>): ModelOnDisk {
  const folder = mkdtempSync(join(tmpdir(), "crosstalk-model-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return writeModel(folder, choice);
}

function onDisk(folder: string, manifest: Manifest): ModelOnDisk {
  return {
    path: manifest.format === "gguf" ? join(folder, GGUF_FILE) : folder,
    adapters: manifest.adapters ? join(folder, ADAPTER_FOLDER) : null,
    manifest,
  };
}

function writePieces(path: string, pieces: readonly Uint8Array[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "w");
  try {
    for (const piece of pieces) writeSync(file, piece);
  } finally {
    closeSync(file);
  }
}
