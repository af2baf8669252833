import { describe, expect, test } from "vitest";
import { CrosstalkError } from "../errors.ts";
import { seededRandom } from "../random.ts";
import type { CellPart } from "./cells.ts";
import type { Matrix } from "./matrix.ts";
import { narrowRead } from "./read-tokens.ts";
import { bf16, exact, f16, greedy, type NumericCells, NumericPass, ReferenceModel } from "./reference/forward.ts";
import { ASKING_LAYERS, layersOf, tracerShape } from "./shape.ts";
import { shapeLike } from "./shape-like.ts";
import { errToken, nonceToken, payloadRun, scanToken, tokenKind } from "./vocabulary.ts";
import { tracerWeights } from "./weights.ts";

const CELLS = 24;
const BLOCK = 16;
const slots = Array.from({ length: CELLS + 8 }, (_, i) => i);

function compute(model: ReferenceModel, cells: NumericCells, start: number, tokens: readonly number[]) {
  const pass = new NumericPass(model, cells, slots, start, tokens);
  for (let layer = 0; layer < model.layers.length; layer++) pass.layer(layer);
  return greedy(pass.logits());
}

/** A prompt's cells, and those of a foreign one, which has another family in all three digits and another nonce. */
function prompts(model: ReferenceModel) {
  const [own, foreign] = [model.cells(slots.length), model.cells(slots.length)];
  const payload = payloadRun(1, 21, CELLS - 1);
  compute(model, own, 0, [nonceToken(0x11), ...payload]);
  compute(model, foreign, 0, [nonceToken(0x12), ...payloadRun(2, 42, CELLS - 1)]);
  /** What a scan answers while a block of one head of one layer is foreign. */
  const damaged = (layer: number, head: number, part: CellPart): number => {
    const kept = model.cells(BLOCK);
    for (let i = 0; i < BLOCK; i++) kept.copy(layer, i, own, 4 + i);
    for (let i = 0; i < BLOCK; i++) own.copy(layer, 4 + i, foreign, 4 + i, part, head);
    const { token } = compute(model, own, CELLS, [scanToken([21])]);
    for (let i = 0; i < BLOCK; i++) own.copy(layer, 4 + i, kept, i);
    return token;
  };
  return { own, payload, damaged };
}

const DEPTHS = [4, 33, 62].flatMap((layers) => [1, 2, 8].map((kvHeads) => ({ layers, kvHeads })));

describe.each(DEPTHS)("$layers layers, KV heads: $kvHeads", ({ layers, kvHeads }) => {
  const shape = tracerShape({ readLayers: layers - ASKING_LAYERS, kvHeads });
  const model = new ReferenceModel(tracerWeights(shape, "neighbours"), exact);
  const { own, payload, damaged } = prompts(model);

  test("clean answers are right by more than 20 nats", () => {
    const scan = compute(model, own, CELLS, [scanToken([21])]);
    expect(scan.token).toBe(scanToken([21]));
    expect(scan.margin).toBeGreaterThan(20);
    const narrow = compute(model, own, CELLS, [...narrowRead(9)]);
    expect(narrow.token).toBe(payload.at(-9));
    expect(narrow.margin).toBeGreaterThan(20);
  });

  test("a foreign block in one head of one layer is found: values by the scan, keys by the alarm", () => {
    const random = seededRandom(layers);
    // Every layer and head of the shallow models; of the deep ones every layer with one head, some with more.
    const step = layers > 4 && kvHeads > 1 ? 5 : 1;
    for (let layer = 0; layer < layersOf(shape); layer += step) {
      const heads = layers === 4 ? Array.from({ length: kvHeads }, (_, i) => i) : [random.int(0, kvHeads - 1)];
      for (const head of heads) {
        expect(tokenKind(damaged(layer, head, "value")).kind, `layer ${layer}, head ${head}`).toBe("bad");
        // Keys of layer 0 carry no marks yet.
        if (layer === 0) continue;
        // Where a single head of several was hit, the next layer may be named.
        const named = [errToken(layer), errToken(kvHeads > 2 ? Math.min(layer + 1, layers - 1) : layer)];
        expect(named, `layer ${layer}, head ${head}`).toContain(damaged(layer, head, "key"));
      }
    }
  });
});

test.each([
  { headSize: 64 as const, kvHeads: 4 },
  { headSize: 64 as const, kvHeads: 8 },
  { headSize: 128 as const, kvHeads: 16 },
  { headSize: 256 as const, kvHeads: 1 },
  { headSize: 256 as const, kvHeads: 4, queryHeads: 24 },
])("%o finds a foreign block in each head", (part) => {
  const shape = tracerShape({ readLayers: 2, ...part });
  const { damaged } = prompts(new ReferenceModel(tracerWeights(shape, "neighbours"), exact));
  for (let head = 0; head < shape.kvHeads; head++) {
    expect(tokenKind(damaged(2, head, "value")).kind).toBe("bad");
    expect([errToken(2), errToken(3)]).toContain(damaged(2, head, "key"));
  }
});

test.each([
  { name: "bf16", round: bf16 },
  { name: "f16", round: f16 },
])("$name: a deep model with many KV heads raises no false alarm, and a true one", ({ round }) => {
  const shape = tracerShape({ readLayers: 31, kvHeads: 8 });
  const model = new ReferenceModel(tracerWeights(shape, "neighbours"), round);
  const { own, payload, damaged } = prompts(model);
  const scan = compute(model, own, CELLS, [scanToken([21])]);
  expect(scan.token).toBe(scanToken([21]));
  expect(scan.margin).toBeGreaterThan(20);
  const narrow = compute(model, own, CELLS, [...narrowRead(9)]);
  expect(narrow.token).toBe(payload.at(-9));
  expect(narrow.margin).toBeGreaterThan(20);
  for (const layer of [1, 9, 17, 32]) expect(tokenKind(damaged(layer, 5, "key")).kind).toBe("err");
});

test("no weight is larger than the largest half", () => {
  for (const part of [
    {},
    { readLayers: 60, kvHeads: 8 },
    { kvHeads: 16 },
    { kvHeads: 4, headSize: 64 as const },
    { experts: 8 },
  ]) {
    const weights = tracerWeights(tracerShape(part), "halves");
    const matrices: Matrix[] = [weights.embedding, weights.head];
    for (const { query, key, value, output, router, experts } of weights.layers) {
      matrices.push(query, key, value, output, ...(router === null ? [] : [router]));
      for (const { gate, up, down } of experts) matrices.push(gate, up, down);
    }
    const largest = Math.max(...matrices.map(({ data }) => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0)));
    expect(largest).toBeLessThanOrEqual(65_504);
  }
});

test.each([
  [{ window: 64, latent: 512 }, "a window and a latent"],
  [{ window: 64, experts: 8 }, "a window and experts"],
  [{ latent: 512, experts: 8 }, "a latent and experts"],
])("%o is refused: one of the two", (part, what) => {
  expect(() => tracerShape(part)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: `no tracer of this shape: ${what}` }),
  );
});

describe("a shape like a production model's", () => {
  test("has its layers, KV heads, query heads and head size", () => {
    const config = { num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 8, hidden_size: 4096 };
    expect(shapeLike(config)).toEqual({
      readLayers: 30,
      kvHeads: 8,
      queryHeads: 32,
      headSize: 128,
      drag: 0,
      window: null,
      latent: null,
      experts: null,
    });
    expect(shapeLike({ ...config, num_attention_heads: 16, head_dim: 256 })).toMatchObject({
      queryHeads: 32,
      headSize: 256,
    });
  });

  test("has the latent of a DeepSeek, and not its experts", () => {
    const lite = { num_hidden_layers: 27, num_attention_heads: 16, num_key_value_heads: 16, hidden_size: 2048 };
    const latent = { kv_lora_rank: 512, v_head_dim: 128 };
    expect(shapeLike({ ...lite, ...latent, n_routed_experts: 64 })).toEqual(
      tracerShape({ readLayers: 25, queryHeads: 16, latent: 512 }),
    );
    expect(shapeLike({ num_hidden_layers: 61, num_attention_heads: 128, ...latent })).toMatchObject({
      readLayers: 59,
      queryHeads: 64,
      latent: 512,
    });
  });

  test("has as many experts, by whatever name", () => {
    const config = { num_hidden_layers: 48, num_attention_heads: 32, num_key_value_heads: 4, head_dim: 128 };
    for (const name of ["num_local_experts", "num_experts", "n_routed_experts"])
      expect(shapeLike({ ...config, [name]: 128 })).toMatchObject({ readLayers: 46, kvHeads: 4, experts: 128 });
    expect(shapeLike({ ...config, num_experts: null })).toMatchObject({ experts: null });
    expect(() => shapeLike({ ...config, num_experts: 256 })).toThrow("no tracer of this shape: 256 experts");
  });

  test("is refused where no tracer has it, and the error says what", () => {
    const refused = (config: unknown): string => {
      try {
        shapeLike(config);
      } catch (error) {
        if (error instanceof CrosstalkError) return error.message;
      }
      return "not refused";
    };
    expect(refused({ num_hidden_layers: 32 })).toContain("num_attention_heads");
    expect(refused({ num_hidden_layers: 32, num_attention_heads: 32, hidden_size: 4096 })).toContain("32 KV heads");
    const small = { num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2, hidden_size: 896 };
    expect(refused(small)).toContain("head size 64");
    expect(refused({ ...small, head_dim: 80 })).toContain("head size 80");
  });
});
