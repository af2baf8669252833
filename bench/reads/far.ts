/**
 * Reads over contexts too long to prefill here: the cells are made one by one, as in a prompt of a nonce and that cell,
 * and turned to their place. The read is then computed over all of them, as a decode step is.
 */

import { seededRandom } from "../../src/random.ts";
import { narrowRead } from "../../src/tracer/read-tokens.ts";
import {
  greedy,
  type NumericCells,
  NumericPass,
  type ReferenceModel,
  rotate,
} from "../../src/tracer/reference/forward.ts";
import { nonceToken, payloadRun, tokenKind } from "../../src/tracer/vocabulary.ts";
import { farReads, NONCE } from "../far-reads.ts";

const FOREIGN = 42;

/** Whether the answer was wrong, and then whether it was of the kind that names what was seen. */
export type Finds = "yes" | "unnamed" | "no";

export interface Far {
  readonly context: number;
  readonly narrow: number;
  readonly scan: number;
  readonly find: number;
  /** One foreign value in one layer by the scan; one foreign key, whose nonce differs in one digit, by the alarm. */
  readonly scanFinds: Finds;
  readonly alarmFinds: Finds;
}

export function far(model: ReferenceModel, context: number): Far {
  const layers = model.layers.length;
  const random = seededRandom(context);
  const slots = Int32Array.from({ length: context + 8 }, (_, i) => i);
  const cells = model.cells(slots.length);
  const made = new Map<string, NumericCells>();
  /** The cell of a token under a nonce, as at position 0: not turned yet. */
  const unturned = (nonce: number, token: number): NumericCells => {
    const key = `${nonce} ${token}`;
    const known = made.get(key);
    if (known) return known;
    const pair = model.cells(2);
    for (const [start, id] of [nonceToken(nonce), token].entries()) {
      const pass = new NumericPass(model, pair, [0, 1], start, [id], -start);
      for (let layer = 0; layer < layers; layer++) pass.layer(layer);
    }
    const cell = model.cells(1);
    for (let layer = 0; layer < layers; layer++) cell.copy(layer, 0, pair, 1);
    made.set(key, cell);
    return cell;
  };
  const place = (to: NumericCells, slot: number, nonce: number, token: number, position: number): void => {
    const cell = unturned(nonce, token);
    const headSize = cell.sizes.keys;
    for (let layer = 0; layer < layers; layer++) {
      to.copy(layer, slot, cell, 0);
      for (const keys of to.keys[layer]!) {
        const at = slot * headSize;
        const key = Float64Array.from(keys.subarray(at, at + headSize));
        rotate(key, headSize, position, model.round);
        keys.set(key, at);
      }
    }
  };
  const { backs, find: findIt, payload, scan } = farReads(context, random);
  const prefix = new NumericPass(model, cells, slots, 0, [nonceToken(NONCE)]);
  for (let layer = 0; layer < layers; layer++) prefix.layer(layer);
  for (let position = 1; position < context; position++) place(cells, position, NONCE, payload[position]!, position);

  const ask = (read: readonly number[]) => {
    const pass = new NumericPass(model, cells, slots, context, read);
    for (let layer = 0; layer < layers; layer++) pass.layer(layer);
    return greedy(pass.logits());
  };
  const margin = (read: readonly number[], right: number): number => {
    const answer = ask(read);
    return answer.token === right ? answer.margin : Number.NaN;
  };
  const narrow = Math.min(...backs.map((back) => margin(narrowRead(back), payload[context - back]!)));
  const clean = margin([scan], scan);
  const find = margin(findIt.read, findIt.right);

  const other = model.cells(1);
  const kept = model.cells(1);
  const damaged = (part: "key" | "value", nonce: number, token: number): Finds => {
    const [at, layer] = [random.int(2, context - 2), random.int(1, layers - 1)];
    place(other, 0, nonce, token, at);
    kept.copy(layer, 0, cells, at);
    cells.copy(layer, at, other, 0, part);
    const { token: answer } = ask([scan]);
    cells.copy(layer, at, kept, 0);
    if (answer === scan) return "no";
    return tokenKind(answer).kind === (part === "key" ? "err" : "bad") ? "yes" : "unnamed";
  };
  return {
    context,
    narrow,
    scan: clean,
    find,
    scanFinds: damaged("value", NONCE, payloadRun(3, FOREIGN, 1)[0]!),
    alarmFinds: damaged("key", NONCE ^ 1, payload[1]!),
  };
}
