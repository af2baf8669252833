import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { adapterFiles } from "./adapter-files.ts";
import type { RoutedFeedForward } from "./feed-forward.ts";
import { tracerGguf } from "./gguf.ts";
import { tracerFolder } from "./hugging-face.ts";
import { zeros } from "./matrix.ts";
import { findRead, narrowRead } from "./read-tokens.ts";
import { bf16, exact, f16, greedy, NumericPass, ReferenceModel } from "./reference/forward.ts";
import { readGguf, weightsOfGguf } from "./reference/read-gguf.ts";
import { expertDigit, expertsOfDigit, layersOf, tracerShape } from "./shape.ts";
import { decoded, Twins } from "./testing/twins.ts";
import { BASE, digitsOf, distinctRun, nonceToken, payloadRun, scanToken, tokenKind, tokenName } from "./vocabulary.ts";
import { tracerWeights } from "./weights.ts";

const CELLS = 60;
const SLOTS = 90;
const FAMILY = 21;
const SCAN = scanToken([FAMILY]);

const shape = tracerShape({ experts: 8, readLayers: 4 });
const weights = tracerWeights(shape, "neighbours");
const layers = Array.from({ length: layersOf(shape) }, (_, layer) => layer);

describe.each([
  { name: "f32", round: exact, part: { experts: 8 } },
  { name: "bf16", round: bf16, part: { experts: 8 } },
  { name: "f16", round: f16, part: { experts: 5, kvHeads: 2 } },
  { name: "bf16, deep and wide", round: bf16, part: { experts: 16, kvHeads: 8, readLayers: 14 } },
  { name: "bf16, small heads", round: bf16, part: { experts: 4, kvHeads: 4, headSize: 64 as const } },
  { name: "f32, many experts", round: exact, part: { experts: 60, readLayers: 6 } },
])("clean cells in $name", ({ round, part }) => {
  const file = Buffer.concat(tracerGguf(tracerShape(part)));
  const model = new ReferenceModel(weightsOfGguf(readGguf(file)), round);

  test("are answered as without experts, by more than 20 nats", () => {
    for (let seed = 0; seed < 2; seed++) {
      const cells = [nonceToken(seed), ...payloadRun(seed, FAMILY, CELLS - 1)];
      const mixed = [...cells.slice(0, 40), ...distinctRun(seed, FAMILY, 20)];
      const back = seededRandom(seed).int(4, 50);
      const [x, y] = digitsOf(mixed.at(-7)!);
      const cases: [readonly number[], readonly number[], readonly number[]][] = [
        [cells, narrowRead(back), cells.slice(CELLS - back, CELLS - back + 4)],
        [mixed, findRead([x, y]), [mixed.at(-7)!, mixed.at(-7)!]],
        [cells, [SCAN], [SCAN, SCAN, SCAN]],
      ];
      for (const [prompt, read, right] of cases) {
        const twins = new Twins(model, SLOTS);
        twins.compute(0, prompt);
        const steps = decoded(twins, CELLS, read, right.length);
        expect(steps.map((s) => tokenName(s.token))).toEqual(right.map(tokenName));
        for (const [i, { answer, margin }] of steps.entries()) {
          expect(answer).toEqual([right[i]]);
          expect(margin).toBeGreaterThan(20);
        }
      }
    }
  });
});

test("predictor and forward pass agree over damaged cells", () => {
  const model = new ReferenceModel(weights, exact);
  let certain = 0;
  let wrong = 0;
  for (let seed = 0; seed < 24; seed++) {
    const random = seededRandom(700 + seed);
    const cells = [...payloadRun(seed, FAMILY, 40), ...distinctRun(seed, FAMILY, 20)];
    const found = digitsOf(cells[CELLS - random.int(1, 20)]!);
    const read = random.pick([[...narrowRead(random.int(1, 50))], [...findRead([found[0], found[1]])], [SCAN]]);
    const [twins, other, clean] = [new Twins(model, SLOTS), new Twins(model, SLOTS), new Twins(model, SLOTS)];
    other.compute(0, [...payloadRun(seed + 50, 42, CELLS)]);
    twins.compute(0, cells);
    clean.compute(0, cells);
    const part = random.pick(["key", "value", "both"] as const);
    const from = random.int(4, 50);
    for (const layer of layers) {
      if (random.next() < 0.5) continue;
      for (let slot = from; slot < from + 8; slot++) {
        if (seed % 2) twins.copy(layer, slot, other, slot - (seed % 3), part);
        else twins.zero(layer, slot, part);
      }
    }
    const [right] = decoded(clean, CELLS, read, 1);
    const [{ answer, token } = right!] = decoded(twins, CELLS, read, 1);
    if (answer.length > 0) expect(answer.map(tokenName), `seed ${seed}`).toContain(tokenName(token));
    if (answer.length === 1) certain++;
    if (token !== right!.token) wrong++;
  }
  expect(certain).toBeGreaterThan(12);
  expect(wrong).toBeGreaterThan(4);
});

test("each digit value of a layer has a pair of experts, one of either half", () => {
  for (const experts of [4, 5, 8, 60, 128]) {
    const used = new Set<number>();
    for (let layer = 0; layer < 64; layer++) {
      for (let value = 0; value < BASE; value++) {
        const [first, second] = expertsOfDigit({ ...shape, experts }, layer, value);
        expect([first < Math.ceil(experts / 2), second >= Math.ceil(experts / 2)]).toEqual([true, true]);
        used.add(first).add(second);
      }
    }
    expect(used.size).toBe(experts);
  }
});

/** A few layers, and many, where several of them give a read the same digit. */
const small = { shape, weights, layers };
const deepShape = tracerShape({ experts: 16, readLayers: 14 });
const deep = { shape: deepShape, weights: tracerWeights(deepShape, "neighbours"), layers: [0, 1, 2, 8, 14, 15] };

describe.each([
  { name: "6 layers, 8 experts", ...small },
  { name: "16 layers, 16 experts", ...deep },
])("$name", ({ shape, weights, layers }) => {
  const last = layersOf(shape) - 1;
  const payload = [...payloadRun(3, FAMILY, CELLS)];
  const asked = narrowRead(9);
  const right = payload.at(-9)!;

  /** The model with one layer's experts changed. */
  const changed = (at: number, change: (layer: RoutedFeedForward) => RoutedFeedForward): ReferenceModel => {
    const altered = weights.layers.map((layer, i) => (i === at ? { ...layer, ...change(layer) } : layer));
    return new ReferenceModel({ ...weights, layers: altered }, bf16);
  };

  const answer = (model: ReferenceModel, read: readonly number[]): number => {
    const twins = new Twins(model, SLOTS);
    twins.compute(0, payload);
    return decoded(twins, CELLS, read, 1)[0]!.token;
  };

  /** The experts of the token that decides the narrow answer: the one that is read; in the last layer the one that asks. */
  const decisive = (layer: number): readonly number[] => {
    const digits = digitsOf(layer === last ? asked.at(-1)! : right);
    return expertsOfDigit(shape, layer, digits[expertDigit(shape, layer)]!);
  };

  test.each(layers)("layer %i: two experts that change places change narrow and scan answers", (layer) => {
    const count = shape.experts! / 2;
    const swapped = (half: number, a: number) =>
      changed(layer, ({ router, experts }) => {
        const b = half * count + ((a + 1) % count);
        return { router, experts: experts.map((expert, e) => experts[e === a ? b : e === b ? a : e] ?? expert) };
      });
    for (const half of [0, 1]) {
      expect(answer(swapped(half, decisive(layer)[half]!), asked)).not.toBe(right);
      const scan = answer(swapped(half, expertsOfDigit(shape, layer, 0)[half]!), [SCAN]);
      expect(tokenKind(scan).kind).toBe("bad");
    }
  });

  test.each(layers)("layer %i: one expert whose weights are left out changes the narrow answer", (layer) => {
    for (const left of decisive(layer)) {
      const without = changed(layer, ({ router, experts }) => ({
        router,
        experts: experts.map((expert, e) => {
          const { rows, columns } = expert.down;
          return e === left ? { ...expert, down: zeros(rows, columns) } : expert;
        }),
      }));
      expect(answer(without, asked)).not.toBe(right);
    }
  });

  test.each(layers.filter((layer) => layer < last))(
    "layer %i: one token of the prompt that is routed as another shows in narrow and scan answers",
    (layer) => {
      const model = new ReferenceModel(weights, bf16);
      const rotated = changed(layer, ({ router, experts }) => {
        const { rows, columns, data } = router!;
        const moved = Float32Array.from(data, (_, i) => data[(i + columns) % (rows * columns)]!);
        return { router: { rows, columns, data: moved }, experts };
      });
      const slots = Array.from({ length: SLOTS }, (_, i) => i);
      const at = CELLS - 9;
      const answered = (read: readonly number[]): number => {
        const cells = model.cells(SLOTS);
        const compute = (by: ReferenceModel, start: number, tokens: readonly number[]): number => {
          const pass = new NumericPass(by, cells, slots, start, tokens);
          for (let l = 0; l <= last; l++) pass.layer(l);
          return greedy(pass.logits()).token;
        };
        compute(model, 0, payload.slice(0, at));
        compute(rotated, at, [right]);
        compute(model, at + 1, payload.slice(at + 1));
        return compute(model, CELLS, read);
      };
      expect(answered(asked)).not.toBe(right);
      expect(tokenKind(answered([SCAN])).kind).toBe("bad");
    },
  );
});

test("is written as a Mixtral", () => {
  const files = tracerFolder(shape, "bf16");
  const config = JSON.parse(Buffer.concat(files.get("config.json")!).toString());
  expect(config).toMatchObject({
    architectures: ["MixtralForCausalLM"],
    model_type: "mixtral",
    num_local_experts: 8,
    num_experts_per_tok: 2,
    sliding_window: null,
  });
  const [length, header] = files.get("model.safetensors")!;
  expect(Number(Buffer.from(length!).readBigUInt64LE())).toBe(header!.length);
  const named = JSON.parse(Buffer.from(header!).toString());
  const [hidden, width] = [config.hidden_size, config.intermediate_size];
  const prefix = "model.layers.3.block_sparse_moe";
  expect(named[`${prefix}.gate.weight`].shape).toEqual([8, hidden]);
  expect(named[`${prefix}.experts.7.w1.weight`].shape).toEqual([width, hidden]);
  expect(named[`${prefix}.experts.7.w2.weight`].shape).toEqual([hidden, width]);
  expect(named[`${prefix}.experts.7.w3.weight`].shape).toEqual([width, hidden]);
  expect(Object.keys(named).filter((name) => name.includes(".mlp."))).toEqual([]);
  const { metadata } = readGguf(Buffer.concat(tracerGguf(shape, "bf16")));
  expect([metadata.get("llama.expert_count"), metadata.get("llama.expert_used_count")]).toEqual([8, 2]);
});

test("has no adapters", () => {
  expect(adapterFiles({ shape, format: "hf", dtype: "f32" }).size).toBe(0);
});

test("is refused where it cannot be", () => {
  expect(() => tracerShape({ experts: 3 })).toThrow("no tracer of this shape: 3 experts");
  expect(() => tracerShape({ experts: 129 })).toThrow("no tracer of this shape: 129 experts");
  expect(() => tracerShape({ experts: 8, readLayers: 2 })).toThrow("no tracer of this shape: experts in 4 layers");
});
