/** `crosstalk model write`: write the tracer. */

import { CrosstalkError } from "../errors.ts";
import type { ModelFormat } from "../tracer/manifest.ts";
import type { NumberFormat } from "../tracer/number-format.ts";
import { ASKING_LAYERS, DEFAULT_SHAPE, layersOf, ROLES, type TracerShape, tracerShape } from "../tracer/shape.ts";
import { shapeLike } from "../tracer/shape-like.ts";
import { EXIT } from "./exit.ts";
import { inputFile } from "./input.ts";
import { writeModel } from "./model-file.ts";

export interface ModelOptions extends ShapeOptions {
  readonly format: ModelFormat;
  readonly dtype: NumberFormat;
  readonly json?: boolean;
}

interface ShapeOptions {
  /** A `config.json`: the shape of its model, where no other option says otherwise. */
  readonly like?: string;
  /** All layers, those that read no digit included. */
  readonly layers?: number;
  readonly kvHeads?: number;
  /** Query heads. */
  readonly heads?: number;
  readonly headDim?: number;
  readonly drag?: number;
  /** Cells that the read layers see. */
  readonly window?: number;
  /** Rank of the latent. */
  readonly latent?: number;
  readonly experts?: number;
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

/** @throws CrosstalkError INVALID_OPTION for a shape that no tracer can have, and for a config that is none */
function shapeOf(options: ShapeOptions): TracerShape {
  const { like, layers, kvHeads, heads, headDim, drag, window, latent, experts } = options;
  const base = like === undefined ? DEFAULT_SHAPE : shapeLike(configAt(like));
  return tracerShape({
    readLayers: (layers ?? layersOf(base)) - ASKING_LAYERS,
    kvHeads: kvHeads ?? base.kvHeads,
    queryHeads: heads ?? (kvHeads === undefined ? base.queryHeads : ROLES * kvHeads),
    headSize: (headDim ?? base.headSize) as TracerShape["headSize"],
    drag: drag ?? base.drag,
    window: window ?? base.window,
    latent: latent ?? base.latent,
    experts: experts ?? base.experts,
  });
}

function configAt(path: string): unknown {
  const { text } = inputFile(path, "config.json", "INVALID_OPTION");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CrosstalkError(
      "INVALID_OPTION",
      `${path} is not JSON: ${(cause as Error).message}`,
      "Give the config.json of a Llama-family model, or the folder that holds it.",
      { cause },
    );
  }
}
