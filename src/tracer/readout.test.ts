import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { findRead, narrowRead } from "./read-tokens.ts";
import { Readout } from "./readout.ts";
import { NumericPass, ReferenceModel } from "./reference/forward.ts";
import { DEFAULT_SHAPE, type TracerShape, tracerShape } from "./shape.ts";
import {
  badToken,
  diceToken,
  digitsOf,
  distinctRun,
  errToken,
  nonceToken,
  payloadRun,
  payloadToken,
  rungToken,
  scanToken,
} from "./vocabulary.ts";
import { tracerWeights } from "./weights.ts";

/** The vector of a prompt, of length 1 in numbers of 32 bits, as engines give it. */
function embedded(model: ReferenceModel, prompt: readonly number[]): Float32Array {
  const pass = new NumericPass(model, model.cells(prompt.length), [...prompt.keys()], 0, prompt);
  for (let layer = 0; layer < model.layers.length; layer++) pass.layer(layer);
  const hidden = pass.hidden();
  const length = Math.hypot(...hidden);
  return Float32Array.from(hidden, (value) => value / length);
}

const SHAPES: readonly (readonly [string, TracerShape])[] = [
  ["the default shape", DEFAULT_SHAPE],
  ["four KV heads", tracerShape({ kvHeads: 4 })],
  ["experts", tracerShape({ experts: 4 })],
];

describe.each(SHAPES)("with %s", (_, shape) => {
  const model = new ReferenceModel(tracerWeights(shape, "neighbours"));
  const readout = new Readout(shape);

  test("the vector of a prompt that ends with a read stands for the read's answer", () => {
    const random = seededRandom(1);
    for (let i = 0; i < 4; i++) {
      const cells = [...payloadRun(i, 27, 24)];
      const distinct = [...distinctRun(i, 27, 24)];
      const marks = i % 2 === 0 ? [nonceToken(i)] : [];
      const back = random.int(1, 24);
      const [x, y] = digitsOf(distinct.at(-back)!);
      const answer = (...prompt: readonly number[]) => readout.tokenOf(embedded(model, [...marks, ...prompt]));
      expect(answer(...cells, ...narrowRead(back))).toBe(cells.at(-back));
      expect(answer(...distinct, ...findRead([x, y]))).toBe(distinct.at(-back));
      expect(answer(...cells, scanToken([27]))).toBe(scanToken([27]));
      expect(answer(...cells, payloadToken([1, 9, 13]), scanToken([27]))).toBe(badToken(0, 1));
      expect(answer(...cells, diceToken(3))).toBe(rungToken(3, 0));
    }
  });

  test("a vector between those of two answers stands for none", () => {
    const cells = [...payloadRun(3, 27, 24)];
    const [one, other] = [3, 5].map((back) => embedded(model, [...cells, ...narrowRead(back)]));
    const between = (share: number) => readout.tokenOf(one!.map((x, i) => (1 - share) * x + share * other![i]!));
    expect([between(0), between(0.5), between(1)]).toEqual([cells.at(-3), null, cells.at(-5)]);
  });

  test("a token's vector stands for it", () => {
    const tokens = [
      ...payloadRun(1, 0, 20),
      ...payloadRun(2, 63, 20),
      payloadToken([0, 0, 0]),
      scanToken([]),
      scanToken([5]),
      scanToken([5, 58]),
      badToken(2, 7),
      errToken(1),
      errToken(3),
      rungToken(6, 0),
    ];
    for (const token of tokens) expect(readout.tokenOf(readout.vectorOf(token))).toBe(token);
    expect(readout.tokenOf(readout.vectorOf(null))).toBeNull();
    expect(() => readout.tokenOf([1, 2])).toThrow("2 channels");
  });
});
