/**
 * The tracer's weights, computed. Every number here is set, none is trained; `shape.ts` names the constants.
 *
 * Layer 0 attends by the flag to the narrow read token and copies the phase it asks for. In read layers, the
 * even query head turns that phase into attention on exactly one cell and copies its digit; the odd query head attends
 * to all cells alike and adds up which digit values it saw. What was seen so far is part of the value that a position
 * caches one layer up, so a foreign cell that was visible only for a moment leaves a trace in the cells computed then.
 */

import {
  AMPLITUDE,
  CHANNEL,
  CONSTANT,
  digitOfLayer,
  FEED_FORWARD_SIZE,
  FLAG_PAIR,
  FOUND_GAIN,
  frequency,
  HEAD_SIZE,
  HIDDEN_SIZE,
  layerAmplitude,
  NONZERO_COST,
  NORM,
  PAYLOAD_LIFT,
  PHASE_OFFSET,
  PHASE_PAIRS,
  SCAN_BLOCKS_PAYLOAD,
  SCAN_GAIN,
  SIGHTING_GAIN,
  SIGHTING_LIMIT,
  SIGHTINGS,
  type TracerShape,
} from "./shape.ts";
import {
  BASE,
  badToken,
  DIGITS,
  digitsOf,
  FIRST,
  GROUPS,
  isPayload,
  MAX_BACK,
  narrowToken,
  VOCABULARY_SIZE,
} from "./vocabulary.ts";

/** A dense row-major matrix: `rows` outputs by `columns` inputs. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** One layer's projections. Query, key and value are (heads * head size) by hidden; output is hidden by (heads * head size). */
export interface LayerWeights {
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly output: Matrix;
}

export interface TracerWeights {
  readonly shape: TracerShape;
  /** Vocabulary by hidden. */
  readonly embedding: Matrix;
  readonly head: Matrix;
  readonly layers: readonly LayerWeights[];
  readonly feedForward: { readonly gate: Matrix; readonly up: Matrix; readonly down: Matrix };
}

/** How an engine pairs rotary channels: neighbours (GGUF llama) or first and second half (Hugging Face). */
export type RotaryLayout = "neighbours" | "halves";

function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float32Array(rows * columns) };
}

function put(matrix: Matrix, row: number, column: number, value: number): void {
  matrix.data[row * matrix.columns + column] = value;
}

/** Query heads of the model: two for each KV head, one narrow and one scan. */
export function queryHeads(shape: TracerShape): number {
  return 2 * shape.kvHeads;
}

export function tracerWeights(shape: TracerShape, rotary: RotaryLayout): TracerWeights {
  const layers = [fetchLayer(shape, rotary)];
  for (let layer = 1; layer <= shape.readLayers; layer++) layers.push(readLayer(shape, rotary, layer));
  return {
    shape,
    embedding: embedding(),
    head: languageModelHead(),
    layers,
    feedForward: {
      gate: zeros(FEED_FORWARD_SIZE, HIDDEN_SIZE),
      up: zeros(FEED_FORWARD_SIZE, HIDDEN_SIZE),
      down: zeros(HIDDEN_SIZE, FEED_FORWARD_SIZE),
    },
  };
}

function embedding(): Matrix {
  const m = zeros(VOCABULARY_SIZE, HIDDEN_SIZE);
  for (let id = 0; id < VOCABULARY_SIZE; id++) {
    put(m, id, CHANNEL.constant, CONSTANT);
    const scan = id >= FIRST.scan && id < FIRST.bad;
    put(m, id, scan ? CHANNEL.isScan : CHANNEL.notScan, 1);
    if (scan) {
      const allowed = id - FIRST.scan;
      for (let group = 0; group < GROUPS * DIGITS; group++) {
        put(m, id, ((allowed >> group) & 1 ? CHANNEL.allowed : CHANNEL.denied) + group, 1);
      }
    }
    for (const [digit, value] of digitsOf(id).entries()) put(m, id, CHANNEL.digits + digit * BASE + value, 1);
  }
  for (let back = 0; back < MAX_BACK; back++) {
    const id = narrowToken(back);
    put(m, id, CHANNEL.flag, 1);
    for (let pair = 0; pair < PHASE_PAIRS; pair++) {
      const angle = frequency(pair) * (back + PHASE_OFFSET);
      put(m, id, CHANNEL.ownPhase + 2 * pair, Math.cos(angle));
      put(m, id, CHANNEL.ownPhase + 2 * pair + 1, -Math.sin(angle));
    }
  }
  return m;
}

function languageModelHead(): Matrix {
  const m = zeros(VOCABULARY_SIZE, HIDDEN_SIZE);
  for (let id = 0; id < VOCABULARY_SIZE; id++) {
    if (!isPayload(id)) continue;
    let nonzero = 0;
    for (const [digit, value] of digitsOf(id).entries()) {
      put(m, id, CHANNEL.found + digit * BASE + value, FOUND_GAIN);
      if (value > 0) nonzero++;
    }
    put(m, id, CHANNEL.constant, PAYLOAD_LIFT - NONZERO_COST * nonzero);
    put(m, id, CHANNEL.isScan, -SCAN_BLOCKS_PAYLOAD);
  }
  for (let id: number = FIRST.scan; id < FIRST.bad; id++) {
    const allowed = id - FIRST.scan;
    for (let group = 0; group < GROUPS * DIGITS; group++) {
      const sign = (allowed >> group) & 1 ? 1 : -1;
      put(m, id, CHANNEL.allowed + group, sign * SCAN_GAIN);
      put(m, id, CHANNEL.denied + group, -sign * SCAN_GAIN);
    }
  }
  for (let digit = 0; digit < DIGITS; digit++) {
    for (let value = 1; value < BASE; value++) {
      const id = badToken(digit, value);
      put(m, id, CHANNEL.sightings + digit * BASE + value, SIGHTING_GAIN);
      put(m, id, CHANNEL.notScan, -SIGHTING_GAIN * SIGHTING_LIMIT);
      put(m, id, CHANNEL.allowed + digit * GROUPS + (value >> 2), -SIGHTING_GAIN * SIGHTING_LIMIT);
    }
  }
  return m;
}

/** The two channels of a rotary pair. */
function pairChannels(rotary: RotaryLayout, pair: number): readonly [number, number] {
  return rotary === "neighbours" ? [2 * pair, 2 * pair + 1] : [pair, pair + HEAD_SIZE / 2];
}

function emptyLayer(shape: TracerShape): LayerWeights {
  const heads = queryHeads(shape) * HEAD_SIZE;
  const kv = shape.kvHeads * HEAD_SIZE;
  return {
    query: zeros(heads, HIDDEN_SIZE),
    key: zeros(kv, HIDDEN_SIZE),
    value: zeros(kv, HIDDEN_SIZE),
    output: zeros(HIDDEN_SIZE, heads),
  };
}

/** Layer 0, head 0: the flag takes all attention; the value is the phase that the flagged token asks for. */
function fetchLayer(shape: TracerShape, rotary: RotaryLayout): LayerWeights {
  const w = emptyLayer(shape);
  const [flagChannel] = pairChannels(rotary, FLAG_PAIR);
  put(w.query, flagChannel, CHANNEL.constant, AMPLITUDE / (NORM * CONSTANT));
  put(w.key, flagChannel, CHANNEL.flag, AMPLITUDE / NORM);
  for (let i = 0; i < 2 * PHASE_PAIRS; i++) {
    put(w.value, i, CHANNEL.ownPhase + i, 1 / NORM);
    put(w.output, CHANNEL.phase + i, i, 1);
  }
  return w;
}

function readLayer(shape: TracerShape, rotary: RotaryLayout, layer: number): LayerWeights {
  const w = emptyLayer(shape);
  const digit = digitOfLayer(layer);
  const amplitude = layerAmplitude(shape);
  for (let head = 0; head < shape.kvHeads; head++) {
    const narrow = 2 * head * HEAD_SIZE;
    const scan = narrow + HEAD_SIZE;
    const kv = head * HEAD_SIZE;
    for (let pair = 0; pair < PHASE_PAIRS; pair++) {
      const [cosine, sine] = pairChannels(rotary, pair);
      put(w.query, narrow + cosine, CHANNEL.phase + 2 * pair, AMPLITUDE / NORM);
      put(w.query, narrow + sine, CHANNEL.phase + 2 * pair + 1, AMPLITUDE / NORM);
      put(w.key, kv + cosine, CHANNEL.constant, AMPLITUDE / (NORM * CONSTANT));
    }
    for (let value = head; value < BASE; value += shape.kvHeads) {
      put(w.value, kv + value, CHANNEL.digits + digit * BASE + value, 1 / NORM);
      put(w.output, CHANNEL.found + digit * BASE + value, narrow + value, amplitude);
      put(w.output, CHANNEL.sightings + digit * BASE + value, scan + value, amplitude);
    }
    if (layer === 1) continue; // nothing has been seen below layer 1
    for (let i = head; i < SIGHTINGS; i += shape.kvHeads) {
      put(w.value, kv + BASE + i, CHANNEL.sightings + i, 1 / NORM);
      // Over all layers (1 + 1/n)^n < e: sightings add up, they do not grow with depth.
      put(w.output, CHANNEL.sightings + i, scan + BASE + i, 1 / shape.readLayers);
    }
  }
  return w;
}
