import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { adapterFiles } from "./adapter-files.ts";
import { tracerGguf } from "./gguf.ts";
import { tracerFolder } from "./hugging-face.ts";
import { latentWeights } from "./latent.ts";
import { findRead, narrowRead } from "./read-tokens.ts";
import { bf16, exact, f16, ReferenceModel } from "./reference/forward.ts";
import { readGguf, weightsOfGguf } from "./reference/read-gguf.ts";
import { ASKING_LAYERS, hiddenSize, layersOf, tracerShape } from "./shape.ts";
import { Twins } from "./testing/twins.ts";
import {
  branchToken,
  digitsOf,
  distinctRun,
  errToken,
  groupsOfTokens,
  nonceToken,
  payloadRun,
  scanToken,
  tokenKind,
  tokenName,
} from "./vocabulary.ts";

const SLOTS = 128;

/** 60 cells of a family behind a nonce, and a branch in their middle. */
function marked(seed: number, family: number, nonce: number): readonly number[] {
  const payload = distinctRun(seed, family, 60);
  return [nonceToken(nonce), ...payload.slice(0, 40), branchToken(seed % 16), ...payload.slice(40)];
}

/** Each kind of read, and what it has to answer. */
function reads(seed: number, cells: readonly number[]) {
  const random = seededRandom(seed);
  const back = random.int(5, 20);
  const found = cells.at(-random.int(1, 20))!;
  const [x, y] = digitsOf(found);
  const scan = scanToken([groupsOfTokens(cells)]);
  return [
    { read: [...narrowRead(back)], right: cells.slice(-back).slice(0, 4) },
    { read: [...findRead([x, y])], right: [found, found] },
    { read: [scan], right: [scan, scan] },
  ];
}

describe.each([
  { readLayers: 3, queryHeads: 4, latent: 512 },
  { readLayers: 25, queryHeads: 16, latent: 512 },
  { readLayers: 5, queryHeads: 8, latent: 256 },
])("a tracer of %o", (part) => {
  const shape = tracerShape(part);
  const weights = latentWeights(shape);

  test.each([
    { name: "f32", round: exact },
    { name: "bf16", round: bf16 },
    { name: "f16", round: f16 },
  ])("answers over clean cells by more than 20 nats, in $name", ({ round }) => {
    const model = new ReferenceModel(weights, round);
    const cells = marked(1, 21, 9);
    for (const { read, right } of reads(1, cells)) {
      const twins = new Twins(model, SLOTS);
      twins.compute(0, cells);
      let [start, chunk] = [cells.length, read];
      for (const expected of right) {
        const { answer, token, margin } = twins.compute(start, chunk);
        expect([tokenName(token), ...answer.map(tokenName)]).toEqual([tokenName(expected), tokenName(expected)]);
        expect(margin).toBeGreaterThan(20);
        start += chunk.length;
        chunk = [token];
      }
    }
  });

  test("one foreign cell in one layer is seen: by the scan, and by the alarm where there is a nonce", () => {
    const model = new ReferenceModel(weights, exact);
    const family = 21;
    const computed = (cells: readonly number[]): Twins => {
      const twins = new Twins(model, SLOTS);
      twins.compute(0, cells);
      return twins;
    };
    const foreign = computed(marked(2, 42, 10));
    const kept = new Twins(model, SLOTS);
    const random = seededRandom(part.readLayers);
    for (const [cells, read, kind, first] of [
      [[...payloadRun(3, family, 60)], [scanToken([family])], "bad", 0],
      // Keys of layer 0 carry no marks yet.
      [marked(1, family, 9), narrowRead(15), "err", 1],
    ] as const) {
      const own = computed(cells);
      const step = layersOf(shape) > 10 ? 4 : 1;
      for (let layer = first; layer < layersOf(shape); layer += step) {
        const slot = random.int(2, 38);
        kept.copy(layer, slot, own, slot, "both");
        own.copy(layer, slot, foreign, slot, "both");
        const { answer, token } = own.compute(cells.length, read);
        own.copy(layer, slot, kept, slot, "both");
        expect([layer, tokenKind(token).kind]).toEqual([layer, kind]);
        expect(answer).toContain(token);
        if (kind === "err") expect(tokenName(token)).toBe(tokenName(errToken(layer)));
      }
    }
  });
});

describe("the folder", () => {
  const shape = tracerShape({ readLayers: 4, queryHeads: 8, latent: 512 });

  test("is one of DeepSeek V2 without experts and without a rank of the queries", () => {
    const config = Buffer.concat(tracerFolder(shape, "bf16").get("config.json")!).toString();
    expect(JSON.parse(config)).toMatchObject({
      architectures: ["DeepseekV2ForCausalLM"],
      num_attention_heads: 8,
      num_key_value_heads: 8,
      q_lora_rank: null,
      kv_lora_rank: 512,
      qk_nope_head_dim: 128,
      qk_rope_head_dim: 64,
      v_head_dim: 128,
      first_k_dense_replace: ASKING_LAYERS + 4,
      rope_theta: 2 ** 32,
    });
  });

  test("has the tensors of one, of the sizes that the config says", () => {
    const pieces = tracerFolder(shape, "bf16").get("model.safetensors")!;
    const header: Record<string, { shape: number[] }> = JSON.parse(Buffer.from(pieces[1]!).toString());
    const hidden = hiddenSize(shape);
    const of = (name: string) => header[`model.layers.3.self_attn.${name}.weight`]?.shape;
    expect(of("q_proj")).toEqual([8 * (128 + 64), hidden]);
    expect(of("kv_a_proj_with_mqa")).toEqual([512 + 64, hidden]);
    expect(of("kv_a_layernorm")).toEqual([512]);
    expect(of("kv_b_proj")).toEqual([8 * (128 + 128), 512]);
    expect(of("o_proj")).toEqual([hidden, 8 * 128]);
    expect(of("k_proj")).toBeUndefined();
  });

  test("has no adapters", () => {
    expect(adapterFiles({ shape, format: "hf", dtype: "f32" }).size).toBe(0);
  });
});

describe("the GGUF file", () => {
  const ofLayers = (layers: number) => {
    const shape = tracerShape({ readLayers: layers - ASKING_LAYERS, latent: 512 });
    return { shape, file: readGguf(Buffer.concat(tracerGguf(shape))) };
  };

  test("holds the weights, and sizes of cells and of what heads make of them", () => {
    const { shape, file } = ofLayers(4);
    expect(weightsOfGguf(file)).toEqual(latentWeights(shape));
    const of = (key: string) => file.metadata.get(`deepseek2.${key}`);
    expect(of("attention.key_length")).toBe(512 + 64);
    expect(of("attention.value_length")).toBe(512);
    expect(of("attention.key_length_mla")).toBe(128 + 64);
    expect(of("leading_dense_block_count")).toBe(4);
  });

  test.each([
    { layers: 4, rank: 256, tensor: "attn_q_b" },
    { layers: 27, rank: undefined, tensor: "attn_q" },
  ])("of $layers layers has its queries as $tensor: llama.cpp tells DeepSeek V2 Lite by its layers", (of) => {
    const { file } = ofLayers(of.layers);
    expect(file.metadata.get("deepseek2.attention.q_lora_rank")).toBe(of.rank);
    expect(file.tensors.get(`blk.0.${of.tensor}.weight`)?.rows).toBe(4 * (128 + 64));
  });
});

test("what no tracer with a latent can have is refused", () => {
  const refused = (part: object) => expect(() => tracerShape({ latent: 512, ...part }));
  refused({ latent: 128 }).toThrow("a latent of rank 128");
  refused({ kvHeads: 2 }).toThrow("a latent with several KV heads");
  refused({ headSize: 256 }).toThrow("a latent with several KV heads or other heads");
  refused({ queryHeads: 6 }).toThrow("6 query heads with a latent");
});
