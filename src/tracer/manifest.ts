/** What identifies a tracer model: the checker and the engine must speak of the same one. */

import { createHash } from "node:crypto";
import { z } from "zod";
import { tracerGguf } from "./gguf.ts";
import { tracerFolder } from "./hugging-face.ts";
import { NUMBER_FORMATS, type NumberFormat } from "./number-format.ts";
import { DEFAULT_SHAPE, type TracerShape } from "./shape.ts";
import { VOCABULARY_SIZE } from "./vocabulary.ts";

/** `gguf`: one file for llama.cpp. `hf`: a Hugging Face folder. */
export const MODEL_FORMATS = ["gguf", "hf"] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

/** Lies beside the model's own files. */
export const MANIFEST_FILE = "crosstalk-model.json";
/** The name of the one file of a GGUF model. */
export const GGUF_FILE = "tracer.gguf";

export interface ModelChoice {
  readonly shape: TracerShape;
  readonly format: ModelFormat;
  readonly dtype: NumberFormat;
}

export const DEFAULT_MODEL: ModelChoice = { shape: DEFAULT_SHAPE, format: "gguf", dtype: "f32" };

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const manifestFile = z.strictObject({ path: z.string().min(1), bytes: z.int().min(0), sha256: hash });

export const manifestSchema = z.strictObject({
  crosstalk: z.literal("crosstalk-model/1"),
  shape: z.strictObject({
    readLayers: z.int().min(1),
    kvHeads: z.int().min(1),
    queryHeads: z.int().min(1),
    headSize: z.literal([64, 128, 256]),
    drag: z.int().min(0),
    window: z.int().min(1).nullable().default(null),
    latent: z.int().min(1).nullable().default(null),
    experts: z.int().min(1).nullable().default(null),
  }),
  vocabulary: z.int().min(1),
  format: z.enum(MODEL_FORMATS),
  dtype: z.enum(NUMBER_FORMATS),
  bytes: z.int().min(0),
  /** Of one file: the file's. Of a folder: of the list that `sha256sum` prints of its files in order of name. */
  sha256: hash,
  files: z.array(manifestFile).min(1).readonly(),
  /** LoRA adapters beside the model: no part of its identity. Left out where none were written. */
  adapters: z.array(manifestFile).readonly().optional(),
});

export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

export interface TracerModel {
  readonly manifest: Manifest;
  /** Pieces of each file, to be written one after another; names relative to the model's folder. */
  readonly files: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** @throws CrosstalkError INVALID_OPTION where the number format cannot hold the weights */
export function tracerModel(choice: Partial<ModelChoice> = {}): TracerModel {
  const { shape, format, dtype } = { ...DEFAULT_MODEL, ...choice };
  const files = format === "hf" ? tracerFolder(shape, dtype) : new Map([[GGUF_FILE, tracerGguf(shape, dtype)]]);
  const listed = sumsOf(files);
  const manifest: Manifest = {
    crosstalk: "crosstalk-model/1",
    shape,
    vocabulary: VOCABULARY_SIZE,
    format,
    dtype,
    bytes: listed.reduce((sum, file) => sum + file.bytes, 0),
    sha256: identityOf(listed),
    files: listed,
  };
  return { manifest, files };
}

/** The hash that stands for all files; see `Manifest`. */
export function identityOf(files: readonly { readonly path: string; readonly sha256: string }[]): string {
  if (files.length === 1) return files[0]!.sha256;
  const list = files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
  return createHash("sha256").update(list).digest("hex");
}

/** Size and hash of each file. */
export function sumsOf(files: TracerModel["files"]): Manifest["files"] {
  return Array.from(files, ([path, pieces]) => ({ path, ...sumOf(pieces) }));
}

function sumOf(pieces: readonly Uint8Array[]): { bytes: number; sha256: string } {
  const sum = createHash("sha256");
  let bytes = 0;
  for (const piece of pieces) {
    sum.update(piece);
    bytes += piece.byteLength;
  }
  return { bytes, sha256: sum.digest("hex") };
}
