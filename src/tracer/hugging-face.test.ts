import { expect, test } from "vitest";
import { expectedTokens } from "../trace/prompt.ts";
import { tracerFolder } from "./hugging-face.ts";
import { tracerModel } from "./manifest.ts";
import type { Matrix } from "./matrix.ts";
import { BYTES_OF, decodeNumbers, type NumberFormat } from "./number-format.ts";
import { narrowRead } from "./read-tokens.ts";
import { bf16, exact, f16, greedy, NumericPass, ReferenceModel } from "./reference/forward.ts";
import { layersOf, type TracerShape, tracerShape } from "./shape.ts";
import { payloadRun, scanToken, tokenName, VOCABULARY_SIZE } from "./vocabulary.ts";
import type { LayerWeights } from "./weights.ts";

const SHAPE = tracerShape({ readLayers: 3, kvHeads: 2 });
const HEAD_SIZE = SHAPE.headSize;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const contents = (pieces: readonly Uint8Array[]): Uint8Array => Buffer.concat(pieces);

function parse(pieces: readonly Uint8Array[] | undefined): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(contents(pieces!)));
}

/** Reads a safetensors file as its description says. */
function readTensors(file: Uint8Array, format: NumberFormat): ReadonlyMap<string, Matrix> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const data = 8 + Number(view.getBigUint64(0, true));
  const header: Record<string, Entry> = JSON.parse(new TextDecoder().decode(file.subarray(8, data)));
  let end = 0;
  const tensors = new Map<string, Matrix>();
  for (const [name, entry] of Object.entries(header)) {
    const [from, to] = entry.data_offsets;
    const [columns, rows = 1] = [...entry.shape].reverse();
    expect([name, entry.dtype, from, to]).toEqual([
      name,
      format.toUpperCase(),
      end,
      from + rows * columns! * BYTES_OF[format],
    ]);
    end = to;
    tensors.set(name, { rows, columns: columns!, data: decodeNumbers(file.subarray(data + from, data + to), format) });
  }
  expect(data + end).toBe(file.length);
  expect(data % 8).toBe(0);
  return tensors;
}

/** Rows of a query or key matrix, from pairs in two halves of a head to pairs of neighbours. */
function neighbours({ rows, columns, data }: Matrix): Matrix {
  const moved = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const channel = row % HEAD_SIZE;
    const pair = channel % (HEAD_SIZE / 2);
    const to = row - channel + 2 * pair + (channel < HEAD_SIZE / 2 ? 0 : 1);
    moved.set(data.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return { rows, columns, data: moved };
}

function modelOf(tensors: ReadonlyMap<string, Matrix>, shape: TracerShape, rounding = exact): ReferenceModel {
  const layer = (i: number): LayerWeights => {
    const projection = (name: string) => tensors.get(`model.layers.${i}.self_attn.${name}_proj.weight`)!;
    const part = (name: string) => tensors.get(`model.layers.${i}.mlp.${name}_proj.weight`)!;
    const routed = (name: string) => tensors.get(`model.layers.${i}.block_sparse_moe.${name}.weight`)!;
    const experts = Array.from({ length: shape.experts ?? 0 }, (_, e) => ({
      gate: routed(`experts.${e}.w1`),
      up: routed(`experts.${e}.w3`),
      down: routed(`experts.${e}.w2`),
    }));
    return {
      query: neighbours(projection("q")),
      key: neighbours(projection("k")),
      value: projection("v"),
      output: projection("o"),
      ...(shape.experts === null
        ? { router: null, experts: [{ gate: part("gate"), up: part("up"), down: part("down") }] }
        : { router: routed("gate"), experts }),
    };
  };
  return new ReferenceModel(
    {
      shape,
      embedding: tensors.get("model.embed_tokens.weight")!,
      head: tensors.get("lm_head.weight")!,
      layers: Array.from({ length: layersOf(shape) }, (_, i) => layer(i)),
    },
    rounding,
  );
}

test.each([
  ["f32", "exact", exact, null],
  ["bf16", "exact", exact, null],
  ["bf16", "bf16", bf16, null],
  ["f16", "f16", f16, null],
  ["f32", "exact", exact, 8],
  ["bf16", "bf16", bf16, 8],
] as const)("the folder's weights answer reads: %s weights, %s arithmetic", (format, _name, rounding, experts) => {
  const shape = tracerShape({ ...SHAPE, experts });
  const files = tracerFolder(shape, format);
  const config = parse(files.get("config.json"));
  const layers = config.num_hidden_layers as number;
  const tensors = readTensors(contents(files.get("model.safetensors")!), format);
  expect(tensors.size).toBe(3 + (experts === null ? 9 : 7 + 3 * experts) * layers);
  const model = modelOf(tensors, shape, rounding);
  for (const [seed, back] of [
    [1, 40],
    [2, 7],
    [3, null],
  ] as const) {
    const payload = payloadRun(seed, 27, 60);
    const prompt = Int32Array.of(...payload, ...(back === null ? [scanToken([27])] : narrowRead(back)));
    const cells = model.cells(prompt.length + 8);
    const slots = Array.from({ length: prompt.length + 8 }, (_, i) => i);
    const expected = [...expectedTokens({ prompt, maxTokens: 4, adapter: null })];
    const answer: number[] = [];
    let [start, tokens] = [0, [...prompt]];
    while (answer.length < expected.length) {
      const pass = new NumericPass(model, cells, slots, start, tokens);
      for (let layer = 0; layer < layers; layer++) pass.layer(layer);
      const { token } = greedy(pass.logits());
      answer.push(token);
      [start, tokens] = [start + tokens.length, [token]];
    }
    expect(answer.map(tokenName)).toEqual(expected.map(tokenName));
  }
});

test("the small files say what the weights are", () => {
  const files = tracerFolder(SHAPE, "bf16");
  expect(parse(files.get("config.json"))).toMatchObject({
    architectures: ["LlamaForCausalLM"],
    num_attention_heads: 8,
    num_key_value_heads: 2,
    head_dim: HEAD_SIZE,
    rope_theta: 2 ** 64,
    tie_word_embeddings: false,
    torch_dtype: "bfloat16",
  });
  const { model } = parse(files.get("tokenizer.json")) as { model: { vocab: Record<string, number> } };
  expect(Object.keys(model.vocab)).toHaveLength(VOCABULARY_SIZE);
  for (const [name, id] of Object.entries(model.vocab)) expect(name).toBe(tokenName(id));
  expect(parse(files.get("tokenizer_config.json"))).toHaveProperty("chat_template");
  expect(parse(files.get("generation_config.json"))).toEqual({ bos_token_id: 1, eos_token_id: 2 });
});

test("the same arguments give the same bytes, other dtypes other ones", () => {
  const model = (dtype: NumberFormat) => tracerModel({ shape: SHAPE, format: "hf", dtype }).manifest;
  expect(model("f32")).toEqual(model("f32"));
  expect(model("bf16").sha256).not.toBe(model("f32").sha256);
});
