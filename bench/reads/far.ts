/**
 * Reads over contexts too long to prefill here: the cells are made one by one, as in a prompt of a nonce and that cell,
 * and turned to their place. The read is then computed over all of them, as a decode step is.
 */

import { seededRandom } from "../../src/random.ts";
import { findRead, narrowRead } from "../../src/tracer/read-tokens.ts";
import { greedy, type NumericCells, NumericPass, type ReferenceModel } from "../../src/tracer/reference/forward.ts";
import { digitsOf, distinctRun, nonceToken, payloadRun, scanToken, tokenKind } from "../../src/tracer/vocabulary.ts";

const FAMILY = 21;
const FOREIGN = 42;
const NONCE = 0x35;
/** Distances of narrow reads: the ends, and so many in between. */
const DISTANCES = 12;

export interface Far {
  readonly context: number;
  readonly narrow: number;
  readonly scan: number;
  readonly find: number;
  /** One foreign value in one layer by the scan; one foreign key, whose nonce differs in one digit, by the alarm. */
  readonly scanFinds: boolean;
  readonly alarmFinds: boolean;
}

export function far(model: ReferenceModel, context: number): Far {
  const layers = model.layers.length;
  const random = seededRandom(context);
  const slots = Int32Array.from({ length: context + 8 }, (_, i) => i);
  const cells = model.cells(slots.length);
  const [one, two] = [0, 1];
  const small = new Map([NONCE, NONCE ^ 1].map((nonce) => [nonce, model.cells(2)]));
  for (const [nonce, made] of small) {
    const pass = new NumericPass(model, made, [one, two], 0, [nonceToken(nonce)]);
    for (let layer = 0; layer < layers; layer++) pass.layer(layer);
  }
  const place = (to: NumericCells, slot: number, nonce: number, token: number, position: number): void => {
    const made = small.get(nonce)!;
    const pass = new NumericPass(model, made, [one, two], 1, [token], position - 1);
    for (let layer = 0; layer < layers; layer++) pass.layer(layer);
    for (let layer = 0; layer < layers; layer++) to.copy(layer, slot, made, 1);
  };
  const found = distinctRun(1, FAMILY, 1)[0]!;
  const foundAt = context >> 1;
  const payload = payloadRun(2, FAMILY, context);
  const [x, y] = digitsOf(found);
  // The cell to find is the only one with its digits, wherever they lie outside the family.
  if (Array.from(payload).some((t) => digitsOf(t)[0] === x && digitsOf(t)[1] === y)) throw new Error("found twice");
  payload[foundAt] = found;
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
  const backs = [1, context - 1, ...Array.from({ length: DISTANCES }, () => random.int(2, context - 2))];
  const narrow = Math.min(...backs.map((back) => margin(narrowRead(back), payload[context - back]!)));
  const scan = scanToken([FAMILY, [[digitsOf(found)[0] >> 2], [digitsOf(found)[1] >> 2], []]]);
  const clean = margin([scan], scan);
  const find = margin(findRead([x, y]), found);

  const other = model.cells(1);
  const kept = model.cells(1);
  const damaged = (part: "key" | "value", nonce: number, token: number): string => {
    const [at, layer] = [random.int(2, context - 2), random.int(1, layers - 1)];
    place(other, 0, nonce, token, at);
    kept.copy(layer, 0, cells, at);
    cells.copy(layer, at, other, 0, part);
    const { token: answer } = ask([scan]);
    cells.copy(layer, at, kept, 0);
    return tokenKind(answer).kind;
  };
  return {
    context,
    narrow,
    scan: clean,
    find,
    scanFinds: damaged("value", NONCE, payloadRun(3, FOREIGN, 1)[0]!) === "bad",
    alarmFinds: damaged("key", NONCE ^ 1, payload[1]!) === "err",
  };
}
