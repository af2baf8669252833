import { expect, test } from "vitest";
import { ADAPTERS } from "./adapter.ts";
import { adapterFiles } from "./adapter-files.ts";
import { ADAPTER_RANK, adapterWeights } from "./adapter-weights.ts";
import { DEFAULT_MODEL } from "./manifest.ts";
import { decodeNumbers, NUMBER_FORMATS } from "./number-format.ts";
import { readGguf } from "./reference/read-gguf.ts";
import { layersOf, tracerShape } from "./shape.ts";
import { tracerWeights } from "./weights.ts";

const SHAPE = tracerShape({ kvHeads: 2 });
const base = tracerWeights(SHAPE, "neighbours");

const joined = (pieces: readonly Uint8Array[]): Buffer => Buffer.concat(pieces);

test.each(NUMBER_FORMATS)("GGUF adapters in %s hold the changes to the bit, and fit the base's matrices", (dtype) => {
  const files = adapterFiles({ ...DEFAULT_MODEL, shape: SHAPE, dtype });
  expect([...files.keys()]).toEqual(ADAPTERS.map((a) => `adapters/${a}.gguf`));
  for (const adapter of ADAPTERS) {
    const { metadata, tensors } = readGguf(joined(files.get(`adapters/${adapter}.gguf`)!));
    expect(metadata.get("general.type")).toBe("adapter");
    expect(metadata.get("adapter.type")).toBe("lora");
    expect(metadata.get("adapter.lora.alpha")).toBe(ADAPTER_RANK);
    const layers = adapterWeights(base, adapter);
    expect(tensors.size).toBe(2 * layersOf(SHAPE) + 2);
    for (const [i, { value, output }] of layers.entries()) {
      const a = tensors.get(`blk.${i}.attn_v.weight.lora_a`)!;
      const b = tensors.get(`blk.${i}.attn_v.weight.lora_b`)!;
      expect([a.columns, a.rows, b.columns, b.rows]).toEqual([
        base.layers[i]!.value.columns,
        ADAPTER_RANK,
        ADAPTER_RANK,
        base.layers[i]!.value.rows,
      ]);
      expect([a.data, b.data]).toEqual([value.a.data, value.b.data]);
      expect(tensors.get(`blk.${i}.attn_output.weight.lora_a`)?.data).toEqual(output?.a.data);
    }
  }
});

test("PEFT folders hold the same numbers under Hugging Face's names", () => {
  const files = adapterFiles({ shape: SHAPE, format: "hf", dtype: "bf16" });
  expect(files.size).toBe(2 * ADAPTERS.length);
  const config = JSON.parse(joined(files.get("adapters/a2/adapter_config.json")!).toString());
  expect(config).toMatchObject({ peft_type: "LORA", r: ADAPTER_RANK, lora_alpha: ADAPTER_RANK });
  const file = joined(files.get("adapters/a2/adapter_model.safetensors")!);
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  const { shape, dtype, data_offsets } = header["base_model.model.model.layers.3.self_attn.v_proj.lora_A.weight"];
  const [{ a }] = [adapterWeights(tracerWeights(SHAPE, "halves"), "a2")[3]!.value];
  expect([dtype, ...shape]).toEqual(["BF16", a.rows, a.columns]);
  const bytes = file.subarray(8 + length + data_offsets[0], 8 + length + data_offsets[1]);
  expect(decodeNumbers(bytes, "bf16")).toEqual(a.data);
  expect(Object.keys(header).filter((name) => name.includes("o_proj"))).toHaveLength(2);
});

test("the same arguments give the same bytes", () => {
  for (const format of ["gguf", "hf"] as const) {
    const [one, other] = [0, 1].map(() => adapterFiles({ ...DEFAULT_MODEL, format }));
    for (const [path, pieces] of one!) expect(joined(pieces).equals(joined(other!.get(path)!))).toBe(true);
  }
});
