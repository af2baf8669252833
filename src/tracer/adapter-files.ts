/** Writes the tracer's adapters: GGUF files for llama.cpp, PEFT folders for vLLM and others. */

import { ADAPTERS, type AdapterName } from "./adapter.ts";
import { ADAPTER_RANK, type AdapterLayer, adapterWeights } from "./adapter-weights.ts";
import { float, ggufFile, text } from "./gguf.ts";
import type { ModelChoice, ModelFormat } from "./manifest.ts";
import type { Matrix } from "./matrix.ts";
import type { NumberFormat } from "./number-format.ts";
import { safetensors } from "./safetensors.ts";
import { tracerWeights } from "./weights.ts";

/** The folder beside the model's own files that has the adapters. */
export const ADAPTER_FOLDER = "adapters";

/** What an engine loads of it: a GGUF file, or a PEFT folder. */
export function adapterPath(format: ModelFormat, adapter: AdapterName): string {
  return `${ADAPTER_FOLDER}/${adapter}${format === "gguf" ? ".gguf" : ""}`;
}

/**
 * Paths in the model's folder and the pieces of their contents. The same arguments always give the same bytes. None for
 * a model with a latent, where no projection makes the values alone, nor for one with experts, which spell digits too.
 */
export function adapterFiles({ shape, format, dtype }: ModelChoice): ReadonlyMap<string, readonly Uint8Array[]> {
  if (shape.latent !== null || shape.experts !== null) return new Map();
  const base = tracerWeights(shape, format === "gguf" ? "neighbours" : "halves");
  const files = new Map<string, readonly Uint8Array[]>();
  for (const adapter of ADAPTERS) {
    const layers = adapterWeights(base, adapter);
    const path = adapterPath(format, adapter);
    if (format === "gguf") files.set(path, adapterGguf(adapter, layers, dtype));
    else {
      files.set(`${path}/adapter_config.json`, [new TextEncoder().encode(PEFT_CONFIG)]);
      files.set(`${path}/adapter_model.safetensors`, safetensors(namedTensors(layers, peftName), dtype));
    }
  }
  return files;
}

type Projection = "value" | "output";
type NameTensor = (layer: number, projection: Projection, part: "a" | "b") => string;

const GGUF_PROJECTIONS = { value: "attn_v", output: "attn_output" } as const;
const ggufName: NameTensor = (layer, projection, part) =>
  `blk.${layer}.${GGUF_PROJECTIONS[projection]}.weight.lora_${part}`;

const PEFT_PROJECTIONS = { value: "v_proj", output: "o_proj" } as const;
const peftName: NameTensor = (layer, projection, part) =>
  `base_model.model.model.layers.${layer}.self_attn.${PEFT_PROJECTIONS[projection]}.lora_${part.toUpperCase()}.weight`;

function namedTensors(layers: readonly AdapterLayer[], name: NameTensor): (readonly [string, Matrix])[] {
  return layers.flatMap((layer, i) =>
    (["value", "output"] as const).flatMap((projection) => {
      const change = layer[projection];
      return change === null
        ? []
        : (["a", "b"] as const).map((part) => [name(i, projection, part), change[part]] as const);
    }),
  );
}

function adapterGguf(adapter: AdapterName, layers: readonly AdapterLayer[], dtype: NumberFormat): Uint8Array[] {
  const metadata = [
    text("general.architecture", "llama"),
    text("general.name", `crosstalk-tracer-${adapter}`),
    text("general.type", "adapter"),
    text("adapter.type", "lora"),
    // Alpha over rank is the scale.
    float("adapter.lora.alpha", ADAPTER_RANK),
  ];
  return ggufFile(metadata, namedTensors(layers, ggufName), dtype);
}

const PEFT_CONFIG = `${JSON.stringify(
  {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: "tracer",
    r: ADAPTER_RANK,
    lora_alpha: ADAPTER_RANK,
    lora_dropout: 0,
    bias: "none",
    target_modules: Object.values(PEFT_PROJECTIONS),
  },
  null,
  2,
)}\n`;
