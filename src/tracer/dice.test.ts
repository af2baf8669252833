import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { DICE_NATS, LADDER, LEAST_LEAD, NO_PENALTIES, type Penalties, rungChances, walk } from "./dice.ts";
import { narrowRead } from "./read-tokens.ts";
import { bf16, exact, f16, NumericPass, ReferenceModel } from "./reference/forward.ts";
import { tracerShape } from "./shape.ts";
import { diceToken, LADDERS, nonceToken, payloadRun, RUNGS, rungToken } from "./vocabulary.ts";
import { tracerWeights } from "./weights.ts";

const SHAPES = [
  tracerShape(),
  // Streams whose norm no number format holds exactly.
  tracerShape({ readLayers: 12 }),
  tracerShape({ readLayers: 3, kvHeads: 2, headSize: 128 }),
];
const ROUNDINGS = [
  { name: "f32", round: exact },
  { name: "bf16", round: bf16 },
  { name: "f16", round: f16 },
];

/** Logits behind a prompt, alone in its cells. */
function logits(model: ReferenceModel, prompt: readonly number[]): Float64Array {
  const slots = Array.from({ length: prompt.length }, (_, i) => i);
  const pass = new NumericPass(model, model.cells(prompt.length), slots, 0, prompt);
  for (const layer of model.layers.keys()) pass.layer(layer);
  return pass.logits();
}

describe.each(SHAPES)("a tracer of %o", (shape) => {
  const weights = tracerWeights(shape, "neighbours");

  test.each(ROUNDINGS)("has the ladder behind a dice token and behind each rung, in $name", ({ round }) => {
    const model = new ReferenceModel(weights, round);
    for (let seed = 0; seed < 6; seed++) {
      const random = seededRandom(seed);
      const ladder = random.int(0, LADDERS - 1);
      const cells = [...payloadRun(seed, random.int(0, 63), random.int(1, 40))];
      const rungs = Array.from({ length: random.int(0, 3) }, () => rungToken(ladder, random.int(0, RUNGS - 1)));
      // Half of the time under a nonce, and with an earlier question that is still asked.
      const before = seed % 2 === 0 ? cells : [nonceToken(seed), ...cells, ...narrowRead(cells.length)];
      const found = logits(model, [...before, diceToken(ladder), ...rungs]);
      const seen = LADDER.map((_, rung) => found[rungToken(ladder, rung)]!);
      for (const [rung, height] of seen.entries()) {
        const below = seen[rung + 1] ?? 6;
        expect(height - below).toBeGreaterThan(0.4);
        // Without a nonce no two rungs are moved against each other by as much as a walk leads by.
        if (seed % 2 === 0) expect(Math.abs(seen[0]! - height - LADDER[rung]!)).toBeLessThan(LEAST_LEAD);
      }
      expect(seen[0]).toBeGreaterThan(DICE_NATS * 0.99);
      const others = found.filter((_, id) => id < rungToken(ladder, 0) || id > rungToken(ladder, RUNGS - 1));
      expect(Math.max(...others)).toBeLessThan(6);
    }
  });
});

test("rungs lie on the grid of bfloat16 where the norm does: the default shape", () => {
  const found = logits(new ReferenceModel(tracerWeights(SHAPES[0]!, "neighbours"), bf16), [
    ...payloadRun(1, 2, 9),
    diceToken(3),
  ]);
  expect(LADDER.map((_, rung) => found[rungToken(3, rung)])).toEqual(LADDER.map((below) => DICE_NATS - below));
});

describe("a walk", () => {
  const greedy = NO_PENALTIES;
  const rungs = (penalties: Partial<Penalties>, length = 10) => walk({ ...greedy, ...penalties }, length).rungs;

  test("stays on the top rung without penalties, and on the first that is left under a ban", () => {
    expect(rungs({})).toEqual(new Array(10).fill(0));
    expect(rungs({ banned: [0, 1, 2] })).toEqual(new Array(10).fill(3));
    expect(walk(greedy, 10).lead).toBe(0.5);
  });

  test("of a presence penalty visits the rungs that lie within it once, and goes back to the top", () => {
    expect(rungs({ presence: 0.75 })).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(rungs({ presence: 1.75 })).toEqual([0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
    expect(rungs({ presence: 1.25, banned: [0] })).toEqual([1, 2, 3, 1, 1, 1, 1, 1, 1, 1]);
  });

  test("of a frequency penalty goes on from rung to rung", () => {
    expect(rungs({ frequency: 1.125 })).toEqual([0, 1, 2, 0, 3, 1, 4, 2, 0, 5]);
  });

  test("says how far ahead each step is: a tie has no lead", () => {
    expect(walk({ ...greedy, presence: 1 }, 4).lead).toBe(0);
    expect(walk({ ...greedy, presence: 0.75 }, 4).lead).toBe(0.25);
  });
});

test("a temperature of 0.5 that leaked shows in 16 tokens in all but 1 of 1000 cases", () => {
  const [top] = rungChances(0.5);
  expect(top).toBeCloseTo(0.632, 3);
  expect(top! ** 16).toBeLessThan(1e-3);
});
