/** `crosstalk model write`: write the tracer. */

import { CrosstalkError } from "../errors.ts";
import type { ModelFormat } from "../tracer/manifest.ts";
import type { NumberFormat } from "../tracer/number-format.ts";
import { DEFAULT_SHAPE, type TracerShape } from "../tracer/shape.ts";
import { BASE, DIGITS } from "../tracer/vocabulary.ts";
import { tracerWeights } from "../tracer/weights.ts";
import { EXIT } from "./exit.ts";
import { writeModel } from "./model-file.ts";

export interface ModelOptions {
  readonly format: ModelFormat;
  readonly dtype: NumberFormat;
  /** All layers, those that read no digit included. */
  readonly layers?: number;
  readonly kvHeads?: number;
  readonly json?: boolean;
}

export async function writeModelCommand(folder: string, options: ModelOptions): Promise<number> {
  const { format, dtype } = options;
  const { path, manifest } = writeModel(folder, { shape: shapeOf(options), format, dtype });
  const size = `${(manifest.bytes / 1e6).toFixed(1)} MB, ${manifest.vocabulary} tokens`;
  process.stdout.write(
    options.json ? `${JSON.stringify(manifest)}\n` : `${path}: ${size}, sha256 ${manifest.sha256}\n`,
  );
  return EXIT.clean;
}

/** @throws CrosstalkError INVALID_OPTION for a shape in which a layer or a head would carry nothing */
function shapeOf({ layers, kvHeads = DEFAULT_SHAPE.kvHeads }: ModelOptions): TracerShape {
  if (kvHeads > BASE) {
    const hint = `Give --kv-heads 1 to ${BASE}.`;
    throw new CrosstalkError("INVALID_OPTION", `${kvHeads} KV heads share ${BASE} values of a digit`, hint);
  }
  if (layers === undefined) return { ...DEFAULT_SHAPE, kvHeads };
  const others = tracerWeights(DEFAULT_SHAPE, "halves").layers.length - DEFAULT_SHAPE.readLayers;
  const readLayers = layers - others;
  if (readLayers >= DIGITS) return { readLayers, kvHeads };
  const fewest = others + DIGITS;
  const message = `${layers} layers are too few: ${others} that fetch, and one for each of ${DIGITS} digits`;
  throw new CrosstalkError("INVALID_OPTION", message, `Give --layers ${fewest} or more.`);
}
