/**
 * The tracer's weights, computed. Every number here is set, none is trained; `shape.ts` names the constants.
 *
 * Layer 0 lets the tokens of a read look at the one before them, and gives every position the prompt's nonce and branch.
 * Layer 1 fetches what the newest read asks for: the phases of a distance, or the code of two digits. In the layers
 * above, one query head turns that into attention on exactly one cell and copies its digit. In every layer one head
 * attends to all cells alike and adds up which digit values it saw: the scan. From layer 1 on one head is repelled by
 * keys that carry the prompt's own marks, so that any other key takes its attention away from the sink: the alarm. What
 * was seen so far is part of what a position caches one layer up, so a foreign cell that was visible only for a moment
 * leaves a trace in the cells computed then.
 */

import { DICE_NATS, LADDER } from "./dice.ts";
import { feedForwards, type RoutedFeedForward } from "./feed-forward.ts";
import { type Matrix, put, zeros } from "./matrix.ts";
import { farDistance, nearDistance } from "./read-tokens.ts";
import {
  ALARM_NATS,
  ALL_GROUPS,
  BAD_NATS,
  BRANCH_NATS,
  CHANNEL,
  CODE,
  CONSTANT,
  carries,
  copiesOf,
  digitCode,
  digitsOfLayer,
  ERR_NATS,
  ERR_SHADE,
  FIND_NATS,
  FOUND_AMPLITUDE,
  FOUND_NATS,
  foundAmplitude,
  gives,
  groupSize,
  hiddenSize,
  keySize,
  LADDER_UNIT,
  layersOf,
  NONCE_NATS,
  NONZERO_NATS,
  norm,
  OK_AMPLITUDE,
  PAYLOAD_NATS,
  PHASE_NATS,
  type PhasePair,
  phasePairs,
  SCAN_AMPLITUDE,
  SCAN_BLOCKS_PAYLOAD,
  SCAN_NATS,
  SIGHTING_AMPLITUDE,
  SIGHTINGS,
  sinkRms,
  spelledBy,
  type TracerShape,
  TURN_NATS,
  valueGain,
} from "./shape.ts";
import {
  BASE,
  badToken,
  DIGITS,
  digitsOf,
  errToken,
  FIRST,
  LADDERS,
  RUNGS,
  rungToken,
  tokenKind,
  VOCABULARY_SIZE,
} from "./vocabulary.ts";

/** One layer. Query, key and value are (heads * head size) by hidden; output is hidden by (heads * head size). */
export interface LayerWeights extends RoutedFeedForward {
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
}

/** How an engine pairs rotary channels: neighbours (GGUF llama) or first and second half (Hugging Face). */
export type RotaryLayout = "neighbours" | "halves";

/**
 * What each of a KV head's query heads does. Every layer: 1 scans, 2 raises the alarm (from layer 1 on).
 * Layer 0: 0 looks back, 2 fetches the nonce, 3 the branch. Layer 1: 0 fetches from the newest turn, 3 from the newest
 * `near` or `find`. Above: 0 reads.
 */
export const ROLE = {
  lookBack: 0,
  fetchTurn: 0,
  read: 0,
  scan: 1,
  nonce: 2,
  alarm: 2,
  branch: 3,
  fetchNear: 3,
} as const;

/** Channels of a key that carry content: which of the slow ones. */
const CONTENT = {
  nonceFlag: 0,
  branchFlag: 1,
  nonce: 0,
  branch: 2 * CODE,
  noBranch: 3 * CODE,
  sink: 3 * CODE + 1,
  lost: 3 * CODE + 2,
  find: 18,
  turn: 28,
  near: 29,
} as const;

/** With a latent these are the weights that `latentWeights` makes those of the model from. */
export function tracerWeights(shape: TracerShape, rotary: RotaryLayout): TracerWeights {
  return {
    shape,
    embedding: embedding(shape),
    head: languageModelHead(shape),
    layers: feedForwards(shape).map((feedForward, layer) => ({
      ...new LayerBuilder(shape, rotary, layer).build(),
      ...feedForward,
    })),
  };
}

function embedding(shape: TracerShape): Matrix {
  const m = zeros(VOCABULARY_SIZE, hiddenSize(shape));
  for (let id = 0; id < VOCABULARY_SIZE; id++) {
    const set = (channel: number, value: number): void => put(m, id, channel, value);
    const token = tokenKind(id);
    set(CHANNEL.constant, CONSTANT);
    set(token.kind === "scan" ? CHANNEL.isScan : CHANNEL.notScan, SCAN_AMPLITUDE);
    for (const [digit, value] of digitsOf(id).entries()) set(CHANNEL.digits + digit * BASE + value, 1);
    switch (token.kind) {
      case "far":
      case "near": {
        const distance = token.kind === "far" ? farDistance(token.step) : nearDistance(token.step);
        for (const [i, pair] of phasePairs(shape.headSize).entries()) {
          if (pair.from !== token.kind) continue;
          set(CHANNEL.phase + 2 * i, Math.cos(pair.frequency * distance));
          set(CHANNEL.phase + 2 * i + 1, -Math.sin(pair.frequency * distance));
        }
        if (token.kind === "near") set(CHANNEL.looksBack, 1);
        break;
      }
      case "turn":
        set(CHANNEL.looksBack, 1);
        set(CHANNEL.turnLevel, TURN_NATS.first / TURN_NATS.each + token.turn);
        break;
      case "find":
        set(CHANNEL.looksBack, 1);
        for (const [i, sign] of token.digits.flatMap(digitCode).entries()) set(CHANNEL.find + i, sign);
        break;
      case "scan":
        for (let group = 0; group < ALL_GROUPS; group++)
          set(((token.allowed >> group) & 1 ? CHANNEL.allowed : CHANNEL.denied) + group, SCAN_AMPLITUDE);
        break;
      case "nonce":
        // Layer 0 adds the code, to the nonce token too: its own key then attracts where all others repel.
        for (const [i, sign] of [token.nonce >> 4, token.nonce & 15].flatMap(digitCode).entries())
          set(CHANNEL.nonce + i, -2 * sign);
        set(CHANNEL.sink, 1);
        set(CHANNEL.noBranch, 1 / 4);
        break;
      case "branch":
        for (const [i, sign] of digitCode(token.branch).entries()) set(CHANNEL.branch + i, sign / 4);
        set(CHANNEL.isBranch, 1);
        break;
      case "dice":
      case "rung":
        set(CHANNEL.ladder + token.ladder, LADDER_UNIT / norm(shape));
        break;
      default:
    }
  }
  return m;
}

/** Logits of what comes behind the last norm. */
export function languageModelHead(shape: TracerShape): Matrix {
  const m = zeros(VOCABULARY_SIZE, hiddenSize(shape));
  const unit = norm(shape);
  const constant = CONSTANT * unit;
  for (let id: number = FIRST.payload; id < FIRST.far; id++) {
    let nonzero = 0;
    for (const [digit, value] of digitsOf(id).entries()) {
      put(m, id, CHANNEL.found + digit * BASE + value, FOUND_NATS / (FOUND_AMPLITUDE * unit));
      if (value > 0) nonzero++;
    }
    put(m, id, CHANNEL.constant, (PAYLOAD_NATS - NONZERO_NATS * nonzero) / constant);
    put(m, id, CHANNEL.isScan, -SCAN_BLOCKS_PAYLOAD / (SCAN_AMPLITUDE * unit));
    for (let ladder = 0; ladder < LADDERS; ladder++)
      put(m, id, CHANNEL.ladder + ladder, -SCAN_BLOCKS_PAYLOAD / LADDER_UNIT);
  }
  const gain = SCAN_NATS.group / (SCAN_AMPLITUDE * unit);
  for (let id: number = FIRST.scan; id < FIRST.nonce; id++) {
    const allowed = id - FIRST.scan;
    for (let group = 0; group < ALL_GROUPS; group++) {
      const sign = (allowed >> group) & 1 ? 1 : -1;
      put(m, id, CHANNEL.allowed + group, sign * gain);
      put(m, id, CHANNEL.denied + group, -sign * gain);
    }
    put(m, id, CHANNEL.constant, (SCAN_NATS.total - ALL_GROUPS * SCAN_NATS.group) / constant);
  }
  for (let digit = 0; digit < DIGITS; digit++) {
    for (let value = 1; value < BASE; value++)
      put(m, badToken(digit, value), CHANNEL.sightings + digit * BASE + value, BAD_NATS / unit);
  }
  for (let ladder = 0; ladder < LADDERS; ladder++) {
    for (let rung = 0; rung < RUNGS; rung++)
      put(m, rungToken(ladder, rung), CHANNEL.ladder + ladder, (DICE_NATS - LADDER[rung]!) / LADDER_UNIT);
  }
  // An alarm shows in all layers above it: each layer takes the word from the next.
  const { kvHeads } = shape;
  const err = (2 * kvHeads * ERR_NATS) / (OK_AMPLITUDE * unit);
  for (let layer = 1; layer < layersOf(shape); layer++) {
    const id = errToken(layer);
    const below = layer > 1 ? ERR_SHADE : 0;
    put(m, id, CHANNEL.ok + layer, -err);
    if (below > 0) put(m, id, CHANNEL.ok + layer - 1, below * err);
    put(m, id, CHANNEL.hasNonce, err * (1 - below - 1 / (2 * kvHeads)));
  }
  return m;
}

/** The two channels of a rotary pair. */
function pairChannels(rotary: RotaryLayout, headSize: number, pair: number): readonly [number, number] {
  return rotary === "neighbours" ? [2 * pair, 2 * pair + 1] : [pair, pair + headSize / 2];
}

/** The attention of one layer, put together head by head. */
class LayerBuilder {
  readonly #shape: TracerShape;
  readonly #rotary: RotaryLayout;
  readonly #layer: number;
  readonly #unit: number;
  readonly #gain: number;
  readonly #query: Matrix;
  readonly #key: Matrix;
  readonly #value: Matrix;
  readonly #output: Matrix;
  /** Value channels of each KV head that are taken. */
  readonly #carried: number[];

  constructor(shape: TracerShape, rotary: RotaryLayout, layer: number) {
    const { kvHeads, queryHeads, headSize } = shape;
    const hidden = hiddenSize(shape);
    this.#shape = shape;
    this.#rotary = rotary;
    this.#layer = layer;
    this.#unit = norm(shape);
    this.#gain = valueGain(shape);
    this.#query = zeros(queryHeads * headSize, hidden);
    this.#key = zeros(kvHeads * headSize, hidden);
    this.#value = zeros(kvHeads * headSize, hidden);
    this.#output = zeros(hidden, queryHeads * headSize);
    this.#carried = new Array<number>(kvHeads).fill(0);
  }

  build(): Omit<LayerWeights, keyof RoutedFeedForward> {
    for (let head = 0; head < this.#shape.kvHeads; head++) {
      if (this.#layer > 1 || (this.#layer === 0 && head === 0)) this.#phaseKeys(head);
      if (this.#layer === 0 && head === 0) this.#lookBackAndMarks();
      if (this.#layer === 1 && head === 0) this.#fetch();
      if (this.#layer > 0) this.#alarm(head);
      if (this.#layer > 1) this.#readQueries(head);
      this.#digits(head);
    }
    return { query: this.#query, key: this.#key, value: this.#value, output: this.#output };
  }

  /** Layer 0, head 0: read tokens see the token before them, all others themselves; nonce and branch by their flags. */
  #lookBackAndMarks(): void {
    const amplitude = this.#amplitude(PHASE_NATS);
    for (const { pair, frequency } of phasePairs(this.#shape.headSize)) {
      const [cosine, sine] = pairChannels(this.#rotary, this.#shape.headSize, pair);
      this.#ask(0, ROLE.lookBack, cosine, CHANNEL.constant, amplitude / CONSTANT);
      this.#ask(0, ROLE.lookBack, cosine, CHANNEL.looksBack, amplitude * (Math.cos(frequency) - 1));
      this.#ask(0, ROLE.lookBack, sine, CHANNEL.looksBack, -amplitude * Math.sin(frequency));
    }
    this.#match(ROLE.nonce, CONTENT.nonceFlag, NONCE_NATS, CHANNEL.constant, 1 / CONSTANT, CHANNEL.sink, 1);
    this.#match(ROLE.branch, CONTENT.branchFlag, BRANCH_NATS, CHANNEL.constant, 1 / CONSTANT, CHANNEL.isBranch, 2);
    this.#match(ROLE.branch, CONTENT.branchFlag, BRANCH_NATS, CHANNEL.constant, 1 / CONSTANT, CHANNEL.sink, 1);
    for (const [i, pair] of phasePairs(this.#shape.headSize).entries()) {
      if (pair.from === "far") this.#copy(ROLE.lookBack, CHANNEL.phase + 2 * i, 2);
    }
    this.#tell(0, ROLE.lookBack, this.#carry(0, CHANNEL.turnLevel), CHANNEL.nearLevel, 1);
    for (let i = 0; i < 2 * CODE; i++)
      this.#tell(0, ROLE.nonce, this.#carry(0, CHANNEL.nonce + i), CHANNEL.nonce + i, -1 / 2);
    this.#tell(0, ROLE.nonce, this.#carry(0, CHANNEL.sink), CHANNEL.hasNonce, OK_AMPLITUDE * sinkRms(0));
    for (let i = 0; i <= CODE; i++)
      this.#tell(0, ROLE.branch, this.#carry(0, CHANNEL.branch + i), CHANNEL.branch + i, 4);
  }

  /** Layer 1, head 0: the newest turn has the far phases, the newest `near` or `find` the rest of the question. */
  #fetch(): void {
    this.#match(ROLE.fetchTurn, CONTENT.turn, TURN_NATS.each, CHANNEL.constant, 1 / CONSTANT, CHANNEL.turnLevel, 1);
    this.#match(ROLE.fetchNear, CONTENT.near, TURN_NATS.each, CHANNEL.constant, 1 / CONSTANT, CHANNEL.nearLevel, 1);
    const pairs = phasePairs(this.#shape.headSize);
    const channels = (from: PhasePair["from"]): number[] =>
      pairs.flatMap((pair, i) => (pair.from === from ? [CHANNEL.phase + 2 * i, CHANNEL.phase + 2 * i + 1] : []));
    const code = Array.from({ length: 2 * CODE }, (_, i) => CHANNEL.find + i);
    const [far, near] = [channels("far"), [...channels("near"), ...code]];
    // No token has both: they share the value's channels.
    for (let i = 0; i < Math.max(far.length, near.length); i++) {
      const at = this.#carry(0, ...[far[i], near[i]].filter((channel) => channel !== undefined));
      if (far[i] !== undefined) this.#tell(0, ROLE.fetchTurn, at, far[i]!, 1);
      if (near[i] !== undefined) this.#tell(0, ROLE.fetchNear, at, near[i]!, 1);
    }
  }

  /** Layers 2 ..: phases of the distance, or the code of the digits that are looked for. */
  #readQueries(head: number): void {
    const phase = this.#amplitude(PHASE_NATS);
    for (const [i, { pair }] of phasePairs(this.#shape.headSize).entries()) {
      const [cosine, sine] = pairChannels(this.#rotary, this.#shape.headSize, pair);
      this.#ask(head, ROLE.read, cosine, CHANNEL.phase + 2 * i, phase);
      this.#ask(head, ROLE.read, sine, CHANNEL.phase + 2 * i + 1, phase);
    }
    const code = this.#amplitude(FIND_NATS);
    for (let i = 0; i < 2 * CODE; i++) {
      const channel = this.#content(CONTENT.find + i);
      const digit = Math.floor(i / CODE);
      this.#ask(head, ROLE.read, channel, CHANNEL.find + i, code);
      for (let value = 0; value < BASE; value++)
        this.#offer(head, channel, CHANNEL.digits + digit * BASE + value, code * digitCode(value)[i % CODE]!);
    }
  }

  #phaseKeys(head: number): void {
    const amplitude = this.#amplitude(PHASE_NATS);
    for (const { pair } of phasePairs(this.#shape.headSize)) {
      const [cosine] = pairChannels(this.#rotary, this.#shape.headSize, pair);
      this.#offer(head, cosine, CHANNEL.constant, amplitude / CONSTANT);
    }
  }

  /** Layers 1 ..: keys with the prompt's own marks repel. */
  #alarm(head: number): void {
    const { kvHeads } = this.#shape;
    const sign = this.#amplitude(ALARM_NATS.sign);
    const repel = (content: number, marks: number, weight: number): void => {
      this.#ask(head, ROLE.alarm, this.#content(content), marks, -sign * weight);
      this.#offer(head, this.#content(content), marks, sign);
    };
    for (let i = 0; i < 2 * CODE; i++) repel(CONTENT.nonce + i, CHANNEL.nonce + i, 1);
    for (let i = 0; i < CODE; i++) repel(CONTENT.branch + i, CHANNEL.branch + i, 1);
    // Cells from before the branch are everyone's.
    this.#ask(head, ROLE.alarm, this.#content(CONTENT.noBranch), CHANNEL.hasNonce, (-sign * CODE) / OK_AMPLITUDE);
    this.#offer(head, this.#content(CONTENT.noBranch), CHANNEL.noBranch, sign);
    // The sink's own marks: attracted by ten signs of the nonce, repelled by five quarters of "no branch".
    const sink = ALARM_NATS.sign * (ALARM_NATS.sink + 2 * CODE - (5 / 4) * CODE);
    this.#ask(head, ROLE.alarm, this.#content(CONTENT.sink), CHANNEL.hasNonce, -this.#amplitude(sink) / OK_AMPLITUDE);
    this.#offer(head, this.#content(CONTENT.sink), CHANNEL.sink, this.#amplitude(sink));
    if (this.#layer > 1) {
      const lost = this.#amplitude(ALARM_NATS.lost * kvHeads);
      this.#ask(head, ROLE.alarm, this.#content(CONTENT.lost), CHANNEL.hasNonce, lost / OK_AMPLITUDE);
      this.#offer(head, this.#content(CONTENT.lost), CHANNEL.hasNonce, lost / OK_AMPLITUDE);
      this.#offer(head, this.#content(CONTENT.lost), CHANNEL.ok + this.#layer - 1, -lost / OK_AMPLITUDE);
    }
    const kept = (OK_AMPLITUDE / kvHeads) * sinkRms(this.#layer);
    this.#tell(head, ROLE.alarm, this.#carry(head, CHANNEL.sink), CHANNEL.ok + this.#layer, kept);
  }

  /** Every layer: digits for the scan, and for the reads those of the layer; sightings of the layers below. */
  #digits(head: number): void {
    const shape = this.#shape;
    const share = 1 / (layersOf(shape) * copiesOf(shape));
    const read = digitsOfLayer(shape, this.#layer);
    for (let digit = 0; digit < DIGITS; digit++) {
      for (let value = 0; value < BASE; value++) {
        if (!carries(shape, head, digit, value)) continue;
        const i = digit * BASE + value;
        const at = this.#carry(head, CHANNEL.digits + i);
        this.#tell(head, ROLE.scan, at, CHANNEL.sightings + i, SIGHTING_AMPLITUDE * share);
        if (!read.includes(digit) || !gives(shape, head, digit, value)) continue;
        // With experts, those of the layer below have spelled it.
        const given = shape.experts === null ? at : this.#carry(head, spelledBy(shape, this.#layer - 1) + value);
        this.#tell(head, ROLE.read, given, CHANNEL.found + i, foundAmplitude(shape, digit));
      }
    }
    if (this.#layer === 0) return; // nothing has been seen below layer 0
    for (let i = 0; i < SIGHTINGS; i++) {
      if (!carries(shape, head, Math.floor(i / BASE), i % BASE)) continue;
      // Over all layers (1 + 1/n)^n < e: sightings add up, they do not grow with depth.
      this.#tell(head, ROLE.scan, this.#carry(head, CHANNEL.sightings + i), CHANNEL.sightings + i, share);
    }
  }

  /** Query or key amplitude that gives a score of so many nats where both are in step. */
  #amplitude(nats: number): number {
    return Math.sqrt(nats * Math.sqrt(keySize(this.#shape)));
  }

  /** One of a head's slowest channels, in a row: they turn too little to matter. */
  #content(index: number): number {
    const { headSize } = this.#shape;
    return pairChannels(this.#rotary, headSize, headSize / 2 - 1 - (index >> 1))[index & 1]!;
  }

  /** A score of `nats` in head 0 for each unit of both channels. */
  #match(
    role: number,
    content: number,
    nats: number,
    asks: number,
    each: number,
    offers: number,
    weight: number,
  ): void {
    this.#ask(0, role, this.#content(content), asks, this.#amplitude(nats) * each);
    this.#offer(0, this.#content(content), offers, this.#amplitude(nats) * weight);
  }

  #ask(head: number, role: number, at: number, channel: number, weight: number): void {
    put(this.#query, this.#row(head, role) + at, channel, weight / this.#unit);
  }

  #offer(head: number, at: number, channel: number, weight: number): void {
    put(this.#key, head * this.#shape.headSize + at, channel, weight / this.#unit);
  }

  /** Gives the value a channel that carries one of the stream, or the sum of some; returns which. */
  #carry(head: number, ...channels: readonly number[]): number {
    const at = this.#carried[head]!++;
    for (const channel of channels) put(this.#value, head * this.#shape.headSize + at, channel, this.#gain);
    return at;
  }

  #tell(head: number, role: number, at: number, channel: number, weight: number): void {
    put(this.#output, channel, this.#row(head, role) + at, weight / (this.#unit * this.#gain));
  }

  /** Carries and tells some channels of the stream as they are. */
  #copy(role: number, first: number, count: number): void {
    for (let i = 0; i < count; i++) this.#tell(0, role, this.#carry(0, first + i), first + i, 1);
  }

  #row(head: number, role: number): number {
    return (head * groupSize(this.#shape) + role) * this.#shape.headSize;
  }
}
