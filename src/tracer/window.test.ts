import { expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { tracerGguf } from "./gguf.ts";
import { tracerFolder } from "./hugging-face.ts";
import { findRead, narrowRead } from "./read-tokens.ts";
import { bf16, exact, ReferenceModel } from "./reference/forward.ts";
import { layersOf, tracerShape } from "./shape.ts";
import { decoded, Twins } from "./testing/twins.ts";
import { digitsOf, distinctRun, nonceToken, payloadRun, scanToken, tokenKind, tokenName } from "./vocabulary.ts";
import { tracerWeights } from "./weights.ts";

const WINDOW = 40;
const SLOTS = 220;
const shape = tracerShape({ readLayers: 4, window: WINDOW });
const weights = tracerWeights(shape, "neighbours");
const model = new ReferenceModel(weights, exact);
const FAMILY = 21;

/** 150 cells and a read, as chunks: what the predictor says, and what the forward pass answers. */
function answers(twins: Twins, cells: readonly number[], read: readonly number[], length: number) {
  twins.compute(0, cells.slice(0, 70));
  twins.compute(70, cells.slice(70));
  return decoded(twins, cells.length, read, length);
}

test.each([
  { name: "f32", round: exact },
  { name: "bf16", round: bf16 },
])("clean cells: reads within the window and scans are answered as without it, in $name", ({ round }) => {
  const rounded = new ReferenceModel(weights, round);
  for (let seed = 0; seed < 2; seed++) {
    const cells = [...payloadRun(seed, FAMILY, 150)];
    const back = seededRandom(seed).int(4, WINDOW - 3);
    const scan = scanToken([FAMILY]);
    const cases: [readonly number[], readonly number[]][] = [
      [narrowRead(back), cells.slice(150 - back, 154 - back)],
      [[scan], [scan, scan, scan, scan]],
    ];
    for (const [read, right] of cases) {
      const steps = answers(new Twins(rounded, SLOTS), cells, read, right.length);
      expect(steps.map((s) => tokenName(s.token))).toEqual(right.map(tokenName));
      for (const [i, { answer, margin }] of steps.entries()) {
        expect(answer).toEqual([right[i]]);
        expect(margin).toBeGreaterThan(20);
      }
    }
  }
});

test("a second lap reads its own answer, long after the prompt's cells have left the window", () => {
  const twins = new Twins(model, SLOTS);
  twins.compute(0, [...payloadRun(5, FAMILY, 30)]);
  const steps = decoded(twins, 30, narrowRead(12), 60);
  for (const [i, { answer, token }] of steps.entries()) {
    expect(answer).toEqual([token]);
    if (i >= 15) expect(token).toBe(steps[i - 15]!.token);
  }
});

test("a read beyond the window, or a nonce that has left it, does not get its answer: both are for shorter contexts", () => {
  const cells = [...payloadRun(1, FAMILY, 150)];
  const [far] = answers(new Twins(model, SLOTS), cells, narrowRead(WINDOW + 9), 1);
  expect(far!.token).not.toBe(cells[150 - WINDOW - 9]);
  const [alarm] = answers(new Twins(model, SLOTS), [nonceToken(3), ...cells.slice(1)], narrowRead(9), 1);
  expect(tokenKind(alarm!.token).kind).toBe("err");
  const short = new Twins(model, SLOTS);
  short.compute(0, [nonceToken(3), ...cells.slice(0, 20)]);
  expect(decoded(short, 21, narrowRead(9), 1)[0]!.token).toBe(cells[11]);
});

test("a scan sees a foreign cell while it is in the window, and no longer in the read layers after that", () => {
  const scan = [scanToken([FAMILY])];
  for (const [position, layer, seen] of [
    [149, 3, true],
    [150 - WINDOW + 2, 3, true],
    [150 - WINDOW - 2, 3, false],
    [20, 3, false],
    // The layers that find out what is asked see the whole context.
    [20, 1, true],
  ] as const) {
    const twins = new Twins(model, SLOTS);
    const other = new Twins(model, SLOTS);
    other.compute(0, [...payloadRun(8, 42, 150)]);
    twins.compute(0, [...payloadRun(7, FAMILY, 150)]);
    twins.copy(layer, position, other, position, "value");
    const [step] = decoded(twins, 150, scan, 1);
    expect(step!.answer.length === 1 ? step!.answer[0] : step!.token).toBe(step!.token);
    expect([position, tokenKind(step!.token).kind]).toEqual([position, seen ? "bad" : "scan"]);
  }
});

test("predictor and forward pass agree over damaged cells", () => {
  let certain = 0;
  let wrong = 0;
  for (let seed = 0; seed < 16; seed++) {
    const random = seededRandom(900 + seed);
    const cells = [...payloadRun(seed, FAMILY, 110), ...distinctRun(seed, FAMILY, 30)];
    const back = random.int(1, WINDOW - 3);
    const found = digitsOf(cells[140 - random.int(1, 30)]!);
    const reads = [[...narrowRead(back)], [...findRead([found[0], found[1]])], [scanToken([FAMILY])]];
    const read = random.pick(reads);
    const twins = new Twins(model, SLOTS);
    const other = new Twins(model, SLOTS);
    other.compute(0, [...payloadRun(seed + 50, 42, 140)]);
    twins.compute(0, cells);
    const part = random.pick(["key", "value", "both"] as const);
    const from = random.int(96, 130);
    for (let layer = 0; layer < layersOf(shape); layer++) {
      if (random.next() < 0.5) continue;
      for (let slot = from; slot < from + 8; slot++) {
        if (seed % 2) twins.copy(layer, slot, other, slot - (seed % 3), part);
        else twins.zero(layer, slot, part);
      }
    }
    const clean = new Twins(model, SLOTS);
    clean.compute(0, cells);
    const [right] = decoded(clean, 140, read, 1);
    const [{ answer, token } = right!] = decoded(twins, 140, read, 1);
    if (answer.length > 0) expect(answer.map(tokenName), `seed ${seed}`).toContain(tokenName(token));
    if (answer.length === 1) certain++;
    if (token !== right!.token) wrong++;
  }
  expect(certain).toBeGreaterThan(8);
  expect(wrong).toBeGreaterThan(3);
});

test("is written for vLLM: full attention in the first two layers, a window above; not as GGUF", () => {
  const config = Buffer.concat(tracerFolder(shape, "f32").get("config.json")!);
  expect(JSON.parse(config.toString())).toMatchObject({
    architectures: ["LlamaForCausalLM"],
    sliding_window: WINDOW,
    layer_types: [...new Array(2).fill("full_attention"), ...new Array(4).fill("sliding_attention")],
  });
  expect(() => tracerGguf(shape)).toThrow("llama.cpp's Llama has no sliding window");
  expect(() => tracerShape({ window: 8 })).toThrow("no tracer of this shape: a window of 8");
});
