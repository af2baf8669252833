/** A manifest of no model, for tests that load none. */

import { DEFAULT_MODEL, type Manifest } from "../../src/tracer/manifest.ts";

export function manifestOfNothing(sha256: string): Manifest {
  const { shape, format, dtype } = DEFAULT_MODEL;
  return { crosstalk: "crosstalk-model/1", shape, vocabulary: 1, format, dtype, bytes: 0, sha256, files: [] };
}
