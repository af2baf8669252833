/**
 * The tracer's weights as multi-head latent attention has them (DeepSeek V2 and V3).
 *
 * A cell is one vector: a latent, and the rotary part of a key. The latent is the layer's whole input, so that the norm
 * it passes finds a vector of known length. Each query head expands it to the content of its keys, and to its values.
 * The rotary part spells positions; content and position do not share a channel, as they do in a Llama's key.
 */

import type { RoutedFeedForward } from "./feed-forward.ts";
import { entries, type Matrix, put, zeros } from "./matrix.ts";
import { hiddenSize, keySize, LATENT_ROTARY, ROLES, type TracerShape, valueGain } from "./shape.ts";
import { type LayerWeights, type TracerWeights, tracerWeights } from "./weights.ts";

/** One layer, named as its parts act; files name them in `hugging-face.ts` and `gguf.ts`. */
export interface LatentLayerWeights extends RoutedFeedForward {
  /** (query heads * key size) by hidden: of each head what meets the latent's key, then the rotary part. */
  readonly query: Matrix;
  /** (latent + rotary) by hidden: what is cached, before norm and rotation. */
  readonly compress: Matrix;
  /** The latent's norm. */
  readonly norm: Matrix;
  /** (query heads * 2 * head size) by latent: of each head its key without the rotary part, then its value. */
  readonly expand: Matrix;
  /** Hidden by (query heads * head size). */
  readonly output: Matrix;
}

export interface LatentWeights extends Omit<TracerWeights, "layers"> {
  readonly layers: readonly LatentLayerWeights[];
}

/** @param shape with a latent; rotary pairs are neighbours, as all engines have them in these models */
export function latentWeights(shape: TracerShape): LatentWeights {
  const base = tracerWeights(shape, "neighbours");
  return { ...base, layers: base.layers.map((layer) => latentLayer(shape, layer)) };
}

/**
 * From the layer of a Llama with one KV head, in whose keys the fastest pairs are for positions alone.
 *
 * The norm gives a vector of `latent` channels the length that it gave one of the hidden size before, times `stretch`;
 * the norm's own weight lifts a unit of a channel to about 1, so that any number format holds it.
 */
function latentLayer(shape: TracerShape, layer: LayerWeights): LatentLayerWeights {
  const { queryHeads, headSize } = shape;
  const [hidden, latent, width] = [hiddenSize(shape), shape.latent!, keySize(shape)];
  const [gain, stretch] = [valueGain(shape), Math.sqrt(latent / hidden)];
  const query = zeros(queryHeads * width, hidden);
  const compress = zeros(latent + LATENT_ROTARY, hidden);
  const norm = zeros(1, latent);
  const expand = zeros(2 * queryHeads * headSize, latent);
  for (let channel = 0; channel < hidden; channel++) put(compress, channel, channel, 1);
  for (const [row, column, value] of entries(layer.key)) {
    if (row < LATENT_ROTARY) put(compress, latent + row, column, value);
    else {
      put(norm, 0, column, gain);
      for (let head = 0; head < ROLES; head++) put(expand, 2 * head * headSize + row, column, value / (stretch * gain));
    }
  }
  for (const [row, column, value] of entries(layer.value)) {
    put(norm, 0, column, gain);
    for (let head = 0; head < ROLES; head++) put(expand, (2 * head + 1) * headSize + row, column, value / gain);
  }
  for (const [row, column, value] of entries(layer.query)) {
    const [head, at] = [Math.floor(row / headSize), row % headSize];
    put(query, head * width + (at < LATENT_ROTARY ? headSize + at : at), column, value);
  }
  const { rows, columns, data } = layer.output;
  const output = { rows, columns, data: data.map((value) => value / stretch) };
  const { router, experts } = layer;
  return { query, compress, norm, expand, output, router, experts };
}
