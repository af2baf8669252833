/** A model like the tracer but for its weights: they are random. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/random.ts";
import { tracerFolder } from "../../src/tracer/hugging-face.ts";
import type { Matrix } from "../../src/tracer/matrix.ts";
import { safetensors } from "../../src/tracer/safetensors.ts";
import { DEFAULT_SHAPE } from "../../src/tracer/shape.ts";

const WEIGHTS_FILE = "model.safetensors";

/**
 * Standard deviation of attention scores, nats. At 1 a token hears little but the mean of its context. At 3, of 50 contexts
 * of 200 tokens, one foreign cell changed the next token in 17, a foreign block of 32 in 48, and all of them in 50.
 */
const SCORE_NATS = 3;

/** Writes the Hugging Face folder: architecture, vocabulary and number format are the tracer's. */
export function writeRandomModel(folder: string, seed: number): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, pieces] of tracerFolder(DEFAULT_SHAPE, "f32")) {
    const content = Buffer.concat(pieces);
    writeFileSync(join(folder, name), name === WEIGHTS_FILE ? randomWeights(content, seed) : content);
  }
}

/** The same tensors with other numbers. @param file in safetensors format */
function randomWeights(file: Buffer, seed: number): Buffer {
  const header = JSON.parse(file.toString("utf8", 8, 8 + Number(file.readBigUInt64LE(0))));
  const gauss = gaussian(seed);
  const tensors = Object.entries(header as Record<string, { shape: readonly number[] }>).map(
    ([name, { shape }]): [string, Matrix] => {
      const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
      const data = new Float32Array(rows * columns);
      if (name.endsWith("norm.weight")) data.fill(1);
      else {
        const deviation = deviationOf(name, columns);
        for (let i = 0; i < data.length; i++) data[i] = deviation * gauss();
      }
      return [name, { rows, columns, data }];
    },
  );
  return Buffer.concat(safetensors(tensors, "f32"));
}

/** What a matrix is multiplied with has deviation 1, and so has the product. */
function deviationOf(name: string, columns: number): number {
  if (name.endsWith("embed_tokens.weight")) return 1;
  return (name.endsWith("q_proj.weight") ? SCORE_NATS : 1) / Math.sqrt(columns);
}

/** Normally distributed numbers. Source: Box and Muller 1958. */
function gaussian(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
