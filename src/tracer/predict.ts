/**
 * The symbolic predictor: computes a chunk of tokens over symbolic cells, layer by layer, as the model's weights do over
 * numbers. The lab generates its answers with it. `predict.test.ts` holds it to the forward pass over the written
 * weights, for clean and for corrupted cells.
 */

import { type CellStore, NOTHING, type Plane } from "./cells.ts";
import {
  AMPLITUDE,
  CONSTANT,
  digitOfLayer,
  FOUND_GAIN,
  frequency,
  HEAD_SIZE,
  layerAmplitude,
  NONZERO_COST,
  NORM,
  PHASE_OFFSET,
  PHASE_PAIRS,
  SCAN_GAIN,
  SIGHTING_GAIN,
  SIGHTINGS,
} from "./shape.ts";
import { BASE, badToken, DIGITS, digitsOf, GROUPS, payloadToken, scanAllows, tokenKind } from "./vocabulary.ts";

/**
 * The next token. One candidate: certain. Several: the cells make a tie, and any of them may come. None: the token is
 * outside what the model defines (nothing was asked), or too much is tied to name it.
 */
export interface Answer {
  readonly candidates: readonly number[];
}

/** Scores closer than this, in nats, may fall either way in an engine's arithmetic. */
const TIE_NATS = 4;
/** Sightings within this ratio of the largest may fall either way. */
const TIE_RATIO = 0.85;
const CANDIDATES_MAX = 64;
/** Attention score of a flagged key, and of each phase pair in step, in nats. */
const SCORE = (AMPLITUDE * AMPLITUDE) / Math.sqrt(HEAD_SIZE);

/**
 * One chunk of one sequence on its way through the layers. Call `layer(0)`, `layer(1)`, ... in order, then `answer()`.
 * What other work does to the cells between two calls is seen by the later one, as in an engine.
 */
export class Pass {
  readonly #cells: CellStore;
  readonly #slots: ArrayLike<number>;
  readonly #start: number;
  readonly #tokens: ArrayLike<number>;
  /** What each token of the chunk has seen so far: SIGHTINGS numbers a token. */
  readonly #seen: Float64Array[];
  /** What layer 0 fetched for the last token: cosine and sine for each phase pair; null where nothing was asked. */
  #asked: Float64Array | null = null;
  #askedBack: number | null = null;
  readonly #found = new Float64Array(SIGHTINGS);

  /**
   * @param slots where each cell of the sequence lies, positions 0 .. start + tokens.length - 1
   * @param start position of the chunk's first token
   */
  constructor(cells: CellStore, slots: ArrayLike<number>, start: number, tokens: ArrayLike<number>) {
    this.#cells = cells;
    this.#slots = slots;
    this.#start = start;
    this.#tokens = tokens;
    this.#seen = Array.from(tokens, () => new Float64Array(SIGHTINGS));
  }

  /** Writes the chunk's cells of one layer, then attends to the layer. */
  layer(layer: number): void {
    for (let i = 0; i < this.#tokens.length; i++) {
      const position = this.#start + i;
      this.#cells.write(layer, this.#slots[position]!, position, this.#tokens[i]!, this.#seen[i]!);
    }
    const planes = this.#cells.planes[layer]!;
    if (layer === 0) {
      this.#fetch(planes[0]!);
      return;
    }
    for (const [head, plane] of planes.entries()) {
      this.#read(layer, head, plane);
      this.#scan(layer, head, plane);
    }
  }

  /** The token that follows the chunk. */
  answer(): Answer {
    const last = this.#tokens[this.#tokens.length - 1]!;
    if (tokenKind(last).kind === "scan") return this.#scanAnswer(last);
    return this.#asked === null ? { candidates: [] } : this.#readAnswer();
  }

  get #length(): number {
    return this.#start + this.#tokens.length;
  }

  /** Layer 0: the flagged keys share the attention; without any, all keys do. */
  #fetch(plane: Plane): void {
    const flagged: number[] = [];
    const asking: number[] = [];
    for (let position = 0; position < this.#length; position++) {
      const slot = this.#slots[position]!;
      if (plane.keyFlag[slot] === 1) flagged.push(slot);
      if (tokenKind(plane.valueToken[slot]!).kind === "narrow") asking.push(slot);
    }
    const attended = flagged.length > 0 ? flagged : asking;
    const share = 1 / (flagged.length > 0 ? flagged.length : this.#length);
    const asked = new Float64Array(2 * PHASE_PAIRS);
    const backs = new Set<number | null>();
    for (const slot of attended) {
      const token = tokenKind(plane.valueToken[slot]!);
      if (token.kind !== "narrow") {
        backs.add(null);
        continue;
      }
      backs.add(token.back);
      for (let pair = 0; pair < PHASE_PAIRS; pair++) {
        const angle = frequency(pair) * (token.back + PHASE_OFFSET);
        asked[2 * pair]! += share * Math.cos(angle);
        asked[2 * pair + 1]! += share * Math.sin(angle);
      }
    }
    if (attended.length === 0) return;
    this.#asked = asked;
    if (flagged.length > 0 && backs.size === 1) this.#askedBack = [...backs][0] ?? null;
  }

  /** The narrow head of one read layer, for the chunk's last token. */
  #read(layer: number, head: number, plane: Plane): void {
    if (this.#asked === null) return;
    const digit = digitOfLayer(layer);
    for (const [slot, weight] of this.#attention(plane)) {
      const token = plane.valueToken[slot]!;
      if (token === NOTHING) continue;
      const value = digitsOf(token)[digit]!;
      if (value % this.#cells.shape.kvHeads === head)
        this.#found[digit * BASE + value]! += weight * layerAmplitude(this.#cells.shape);
    }
  }

  /** Attention of the narrow head, as slot and weight. The exact key wins by more than 50 nats wherever it is. */
  #attention(plane: Plane): [number, number][] {
    const here = this.#length - 1;
    if (this.#askedBack !== null) {
      const exact: number[] = [];
      for (let position = 0; position < this.#length; position++) {
        const slot = this.#slots[position]!;
        if (plane.keyPosition[slot] === here - this.#askedBack) exact.push(slot);
      }
      if (exact.length > 0) return exact.map((slot) => [slot, 1 / exact.length]);
    }
    const scores: [number, number][] = [];
    for (let position = 0; position < this.#length; position++) {
      const slot = this.#slots[position]!;
      scores.push([slot, this.#score(plane.keyPosition[slot]!, here)]);
    }
    const top = Math.max(...scores.map(([, score]) => score));
    const near = scores
      .filter(([, score]) => top - score < 30)
      .map(([slot, s]): [number, number] => [slot, Math.exp(s - top)]);
    const sum = near.reduce((total, [, weight]) => total + weight, 0);
    return near.map(([slot, weight]) => [slot, weight / sum]);
  }

  #score(keyPosition: number, here: number): number {
    if (keyPosition === NOTHING) return 0;
    let score = 0;
    for (let pair = 0; pair < PHASE_PAIRS; pair++) {
      const angle = frequency(pair) * (here - keyPosition);
      score += this.#asked![2 * pair]! * Math.cos(angle) + this.#asked![2 * pair + 1]! * Math.sin(angle);
    }
    return SCORE * score;
  }

  /** The scan head of one read layer, for every token of the chunk: a mean over all cells up to its own. */
  #scan(layer: number, head: number, plane: Plane): void {
    const { kvHeads, readLayers } = this.#cells.shape;
    const digit = digitOfLayer(layer);
    const amplitude = layerAmplitude(this.#cells.shape);
    const counts = new Float64Array(BASE);
    const latched = new Float64Array(SIGHTINGS);
    const { valueToken, valueSightings } = plane;
    for (let position = 0; position < this.#length; position++) {
      const slot = this.#slots[position]!;
      const token = valueToken[slot]!;
      if (token !== NOTHING) counts[digitsOf(token)[digit]!]!++;
      if (valueSightings) {
        const start = slot * SIGHTINGS;
        for (let i = head; i < SIGHTINGS; i += kvHeads) latched[i]! += valueSightings[start + i]!;
      }
      if (position < this.#start) continue;
      const seen = this.#seen[position - this.#start]!;
      for (let value = head; value < BASE; value += kvHeads)
        seen[digit * BASE + value]! += (amplitude * counts[value]!) / (position + 1);
      if (!valueSightings) continue;
      for (let i = head; i < SIGHTINGS; i += kvHeads) seen[i]! += latched[i]! / (position + 1) / readLayers;
    }
  }

  #readAnswer(): Answer {
    const choices = Array.from({ length: DIGITS }, (_, digit) => {
      const logits = Array.from({ length: BASE }, (_, value) => {
        const cost = value === 0 ? 0 : NONZERO_COST * CONSTANT * NORM;
        return FOUND_GAIN * NORM * this.#found[digit * BASE + value]! - cost;
      });
      const top = Math.max(...logits);
      // An absent digit reads as 0 by a nat: that is exact, since all its logits but the cost are exactly 0.
      const absent = logits.every((logit) => logit <= 0);
      return absent ? [0] : [...logits.keys()].filter((value) => top - logits[value]! < TIE_NATS);
    });
    const [first, second, third] = choices as [number[], number[], number[]];
    if (first.length * second.length * third.length > CANDIDATES_MAX) return { candidates: [] };
    return {
      candidates: first.flatMap((a) => second.flatMap((b) => third.map((c) => payloadToken([a, b, c])))),
    };
  }

  #scanAnswer(scan: number): Answer {
    const seen = this.#seen.at(-1)!;
    let largest = 0;
    const forbidden: [number, number][] = [];
    for (let digit = 0; digit < DIGITS; digit++) {
      for (let value = 1; value < BASE; value++) {
        const amount = seen[digit * BASE + value]!;
        if (amount === 0 || scanAllows(scan, digit, value)) continue;
        forbidden.push([badToken(digit, value), amount]);
        largest = Math.max(largest, amount);
      }
    }
    const excess = SIGHTING_GAIN * NORM * largest - SCAN_GAIN * GROUPS * DIGITS * NORM;
    const bad = forbidden.filter(([, amount]) => amount >= TIE_RATIO * largest).map(([token]) => token);
    // Whether a sighting shows is certain only some way off the scan token's own logit.
    if (excess < -SCAN_GAIN) return { candidates: [scan] };
    return { candidates: excess < SCAN_GAIN ? [scan, ...bad] : bad };
  }
}

/** Computes a chunk in one go: nothing else touches the cells meanwhile. */
export function computeChunk(
  cells: CellStore,
  slots: ArrayLike<number>,
  start: number,
  tokens: ArrayLike<number>,
): Answer {
  const chunk = new Pass(cells, slots, start, tokens);
  for (let layer = 0; layer < cells.layers; layer++) chunk.layer(layer);
  return chunk.answer();
}
