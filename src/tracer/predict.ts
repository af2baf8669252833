/**
 * The symbolic predictor: computes a chunk of tokens over symbolic cells, layer by layer, as the model's weights do over
 * numbers. The lab generates its answers with it. `predict.test.ts` holds it to the forward pass over the written
 * weights, for clean and for corrupted cells.
 */

import { type AdapterName, storedToken } from "./adapter.ts";
import { alarmAttention, fetchMarks } from "./alarm.ts";
import type { CellStore, Plane, Question } from "./cells.ts";
import { DICE_NATS } from "./dice.ts";
import type { Marks } from "./marks.ts";
import { Asked, questionOf, readAttention } from "./question.ts";
import { Places } from "./runs.ts";
import { addSightings } from "./scan-sum.ts";
import {
  AMPLIFIER,
  ASKING_LAYERS,
  BAD_NATS,
  digitsOfLayer,
  ERR_NATS,
  ERR_SHADE,
  FOUND_AMPLITUDE,
  FOUND_NATS,
  firstSeen,
  foundAmplitude,
  gives,
  hasWindow,
  layersOf,
  NONZERO_NATS,
  PAYLOAD_NATS,
  SCAN_NATS,
  SIGHTINGS,
} from "./shape.ts";
import {
  BASE,
  badToken,
  DIGITS,
  digitsOf,
  errToken,
  payloadToken,
  rungToken,
  scanAllows,
  tokenKind,
} from "./vocabulary.ts";

/**
 * The next token. One candidate: certain. Several: the cells make a tie, and any of them may come. None: the token is
 * outside what the model defines (nothing was asked), or too much is tied to name it.
 */
export interface Answer {
  readonly candidates: readonly number[];
}

/** Candidates, and how high they stand over nothing, in nats. */
interface Choice extends Answer {
  readonly nats: number;
}

/** Scores closer than this, in nats, may fall either way in an engine's arithmetic. */
const TIE_NATS = 4;
/** The same for an alarm, whose nats follow from small differences of attention. */
const ALARM_TIE_NATS = 20;
/** Sightings within this ratio of the largest may fall either way. */
const TIE_RATIO = 0.85;
const CANDIDATES_MAX = 64;

/**
 * One chunk of one sequence on its way through the layers. Call `layer(0)`, `layer(1)`, ... in order, then `answer()`.
 * What other work does to the cells between two calls is seen by the later one, as in an engine.
 */
export class Pass {
  readonly #cells: CellStore;
  readonly #places: Places;
  /** The same of layers with a window. */
  readonly #windowPlaces: Places;
  readonly #start: number;
  readonly #tokens: ArrayLike<number>;
  /** What the values of the chunk's tokens stand for. */
  readonly #stored: readonly number[];
  readonly #adapter: AdapterName | null;
  /** Of each token of the chunk: what it has seen so far (SIGHTINGS numbers), its marks, what it asks. */
  readonly #seen: Float64Array;
  #marks: readonly (Marks | null)[] = [];
  #questions: readonly (Question | null)[] = [];
  /** Of each token: how much of the alarm head's attention left the sink in the layer just computed. */
  #lost: Float64Array;
  /** Of the last token: the same by layer. */
  readonly #lostByLayer: number[] = [0];
  #asked: Asked | null = null;
  readonly #found = new Float64Array(SIGHTINGS);

  /**
   * @param slots where each cell of the sequence lies, positions 0 .. start + tokens.length - 1
   * @param start position of the chunk's first token
   * @param adapter under which the chunk is computed, whatever the cells before it were computed under
   * @param windowSlots the same as `slots` for layers with a window, where their cells lie elsewhere
   */
  constructor(
    cells: CellStore,
    slots: ArrayLike<number>,
    start: number,
    tokens: ArrayLike<number>,
    adapter: AdapterName | null = null,
    windowSlots: ArrayLike<number> = slots,
  ) {
    this.#adapter = adapter;
    this.#cells = cells;
    this.#places = new Places(slots, start, start + tokens.length);
    this.#windowPlaces = windowSlots === slots ? this.#places : new Places(windowSlots, start, this.#places.length);
    this.#start = start;
    this.#tokens = tokens;
    this.#stored = Array.from(tokens, (token) => storedToken(adapter, token));
    this.#seen = new Float64Array(tokens.length * SIGHTINGS);
    this.#lost = new Float64Array(tokens.length);
  }

  /** Writes the chunk's cells of one layer, then attends to the layer. */
  layer(layer: number): void {
    const places = this.#placesOf(layer);
    for (let i = 0; i < this.#tokens.length; i++) {
      const position = this.#start + i;
      this.#cells.write(layer, places.slots[position]!, {
        position,
        token: this.#tokens[i]!,
        stored: this.#stored[i]!,
        seen: this.#seen,
        seenAt: i * SIGHTINGS,
        marks: this.#marks[i] ?? null,
        lost: this.#lost[i]!,
        question: this.#questions[i] ?? null,
      });
    }
    const planes = this.#cells.planes[layer]!;
    const { headSize, kvHeads } = this.#cells.shape;
    if (layer === 0) {
      this.#marks = fetchMarks(planes[0]!, places, this.#start, this.#tokens, this.#adapter);
      this.#questions = Array.from(this.#tokens, (token, i) =>
        questionOf(token, headSize, planes[0]!, places, this.#start + i),
      );
    }
    if (layer === 1) this.#asked = Asked.fetch(headSize, planes[0]!, places, this.#questions.at(-1) ?? null);
    const first = (position: number): number => firstSeen(this.#cells.shape, layer, position);
    const ok = new Float64Array(this.#tokens.length);
    for (const [head, plane] of planes.entries()) {
      if (layer >= ASKING_LAYERS) this.#read(layer, head, plane);
      addSightings(this.#cells.shape, head, plane, places, this.#start, this.#seen, first);
      if (layer > 0) alarmAttention(plane, places, this.#start, this.#marks, kvHeads, ok, first);
    }
    if (layer === 0) return;
    this.#lost = ok.map((share, i) => (this.#marks[i]?.hasNonce ?? 0) - share / kvHeads);
    this.#lostByLayer.push(this.#lost.at(-1)!);
  }

  #placesOf(layer: number): Places {
    return hasWindow(this.#cells.shape, layer) ? this.#windowPlaces : this.#places;
  }

  /** The token that follows the chunk. */
  answer(): Answer {
    const choice = this.#choice(this.#tokens[this.#tokens.length - 1]!);
    const alarm = this.#alarm();
    if (alarm.nats < choice.nats - ALARM_TIE_NATS || alarm.candidates.length === 0)
      return { candidates: choice.candidates };
    if (alarm.nats > choice.nats + ALARM_TIE_NATS) return { candidates: alarm.candidates };
    return { candidates: choice.candidates.length > 0 ? [...choice.candidates, ...alarm.candidates] : [] };
  }

  #choice(last: number): Choice {
    const token = tokenKind(last);
    if (token.kind === "scan") return this.#scanAnswer(last);
    // No cell moves the ladder.
    if (token.kind === "dice" || token.kind === "rung")
      return { candidates: [rungToken(token.ladder, 0)], nats: DICE_NATS };
    return this.#readAnswer() ?? { candidates: [], nats: 0 };
  }

  /** The read head of one layer, for the chunk's last token. */
  #read(layer: number, head: number, plane: Plane): void {
    if (this.#asked === null) return;
    const { shape } = this.#cells;
    const digits = digitsOfLayer(shape, layer);
    const first = firstSeen(shape, layer, this.#places.length - 1);
    const places = this.#placesOf(layer);
    for (const [slot, weight] of readAttention(this.#asked, shape.headSize, plane, places, first)) {
      const token = plane.valueToken[slot]!;
      if (token < 0) continue;
      for (const digit of digits) {
        const value = digitsOf(token)[digit]!;
        if (gives(shape, head, digit, value))
          this.#found[digit * BASE + value]! += weight * foundAmplitude(shape, digit);
      }
    }
  }

  #readAnswer(): Choice | null {
    if (this.#asked === null) return null;
    let nats = PAYLOAD_NATS;
    const choices = Array.from({ length: DIGITS }, (_, digit) => {
      const scores = Array.from({ length: BASE }, (_, value) => {
        const cost = value === 0 ? 0 : NONZERO_NATS;
        return (FOUND_NATS / FOUND_AMPLITUDE) * this.#found[digit * BASE + value]! - cost;
      });
      const top = Math.max(...scores);
      nats += top;
      // An absent digit reads as 0 by a nat: that is exact, since all its scores but the cost are exactly 0.
      const absent = scores.every((score) => score <= 0);
      return absent ? [0] : [...scores.keys()].filter((value) => top - scores[value]! < TIE_NATS);
    });
    const [first, second, third] = choices as [number[], number[], number[]];
    const tied = first.length * second.length * third.length > CANDIDATES_MAX;
    return {
      candidates: tied ? [] : first.flatMap((a) => second.flatMap((b) => third.map((c) => payloadToken([a, b, c])))),
      nats,
    };
  }

  #scanAnswer(scan: number): Choice {
    const seen = this.#seen.subarray(-SIGHTINGS);
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
    const gate = AMPLIFIER.gate * largest;
    const nats = (BAD_NATS * AMPLIFIER.gain * gate) / (1 + Math.exp(-gate));
    const bad = forbidden.filter(([, amount]) => amount >= TIE_RATIO * largest).map(([token]) => token);
    // Whether a sighting shows is certain only some way off the scan token's own nats.
    if (nats < SCAN_NATS.total / 2) return { candidates: [scan], nats: SCAN_NATS.total };
    if (nats < 2 * SCAN_NATS.total) return { candidates: [scan, ...bad], nats };
    return { candidates: bad, nats };
  }

  /** The layers that raise the alarm: each takes the word from the next. */
  #alarm(): Choice {
    const { shape } = this.#cells;
    const { kvHeads } = shape;
    const hasNonce = this.#marks.at(-1)?.hasNonce ?? 0;
    const scores = this.#lostByLayer.map((lost, layer) =>
      layer === 0 ? 0 : ERR_NATS * (2 * kvHeads * (lost - ERR_SHADE * (this.#lostByLayer[layer - 1] ?? 0)) - hasNonce),
    );
    const nats = Math.max(...scores.slice(1, layersOf(shape)));
    const candidates = [...scores.keys()].filter((layer) => layer > 0 && nats - scores[layer]! < ALARM_TIE_NATS);
    return { candidates: nats > 0 ? candidates.map(errToken) : [], nats };
  }
}

/** Computes a chunk in one go: nothing else touches the cells meanwhile. */
export function computeChunk(
  cells: CellStore,
  slots: ArrayLike<number>,
  start: number,
  tokens: ArrayLike<number>,
  adapter: AdapterName | null = null,
): Answer {
  const chunk = new Pass(cells, slots, start, tokens, adapter);
  for (let layer = 0; layer < cells.layers; layer++) chunk.layer(layer);
  return chunk.answer();
}
