/** What identifies a tracer model: the checker and the engine must speak of the same one. */

import { createHash } from "node:crypto";
import { tracerGguf } from "./gguf.ts";
import { DEFAULT_SHAPE, type TracerShape } from "./shape.ts";
import { VOCABULARY_SIZE } from "./vocabulary.ts";

export interface Manifest {
  readonly crosstalk: "crosstalk-model/1";
  readonly shape: TracerShape;
  readonly vocabulary: number;
  readonly format: "gguf-f32";
  readonly bytes: number;
  readonly sha256: string;
}

/** The manifest and the file's pieces: the hash is of the bytes that are written. */
export function tracerModel(shape: TracerShape = DEFAULT_SHAPE): { manifest: Manifest; pieces: readonly Uint8Array[] } {
  const pieces = tracerGguf(shape);
  const hash = createHash("sha256");
  let bytes = 0;
  for (const piece of pieces) {
    hash.update(piece);
    bytes += piece.byteLength;
  }
  const sha256 = hash.digest("hex");
  return {
    manifest: { crosstalk: "crosstalk-model/1", shape, vocabulary: VOCABULARY_SIZE, format: "gguf-f32", bytes, sha256 },
    pieces,
  };
}
