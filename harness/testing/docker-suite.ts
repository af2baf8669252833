/** For tests that need a Docker engine with Crosstalk's images: skipped with the reason where there is none. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach } from "vitest";
import { ADAPTER_FOLDER, adapterFiles } from "../../src/tracer/adapter-files.ts";
import { DEFAULT_MODEL, GGUF_FILE, type ModelChoice, tracerModel } from "../../src/tracer/manifest.ts";
import { dockerState, hasImage } from "../docker.ts";
import { llamaCpp } from "../engines/llama-cpp.ts";
import type { TracerModelFile } from "../targets.ts";

async function missing(image: string): Promise<string | null> {
  const state = await dockerState();
  if (!state.answers) return state.reason;
  return (await hasImage(image)) ? null : `the image ${image} is not here: run docker/bootstrap.sh`;
}

/** Call at the top of a `.container.test.ts` file. In CI nothing is skipped: there a missing engine is a failure. */
export async function needsDocker(image = llamaCpp.image.name): Promise<void> {
  const reason = await missing(image);
  beforeEach((context) => {
    if (reason !== null && process.env.CI !== "true") context.skip(reason);
  });
}

/** The tracer on disk, for the tests of one file: a GGUF file or a Hugging Face folder. */
export function tracerFile(choice: Partial<ModelChoice> = {}): TracerModelFile {
  const folder = mkdtempSync(join(tmpdir(), "crosstalk-model-"));
  const { manifest, files } = tracerModel(choice);
  for (const [name, pieces] of [...files, ...adapterFiles({ ...DEFAULT_MODEL, ...choice })]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), Buffer.concat(pieces));
  }
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    path: manifest.format === "gguf" ? join(folder, GGUF_FILE) : folder,
    adapters: join(folder, ADAPTER_FOLDER),
    manifest,
  };
}
