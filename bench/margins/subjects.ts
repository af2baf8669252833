/** Engines, and the number formats that they compute in. */

export interface Subject {
  readonly engine: "llama.cpp" | "vllm";
  readonly weights: "f32" | "bf16" | "f16";
  /** What cells are kept in. */
  readonly cells: string;
  /** Arguments after the profile's own. */
  readonly args: readonly string[];
}

/** Room for the read and its answer. */
const ROOM = 512;

/** @param context the longest prompt, tokens */
export function subjects(context: number): readonly Subject[] {
  const length = String(context + ROOM);
  const llama = (weights: Subject["weights"], cells: string): Subject => ({
    engine: "llama.cpp",
    weights,
    cells,
    args: ["-np", "1", "-c", length, "-b", "512", "-ub", "512", "-ctk", cells, "-ctv", cells, "--timeout", "3600"],
  });
  const vllm = (weights: Subject["weights"], dtype: string): Subject => ({
    engine: "vllm",
    weights,
    cells: weights,
    args: [
      ...["--dtype", dtype, "--max-model-len", length, "--max-num-batched-tokens", "2048"],
      // Blocks of 32 cells, and a third more than the prompt.
      ...["--num-gpu-blocks-override", String(Math.ceil((context + ROOM) / 24))],
    ],
  });
  return [
    llama("f32", "f32"),
    llama("f32", "f16"),
    llama("f16", "f16"),
    llama("bf16", "bf16"),
    vllm("f32", "float32"),
    vllm("bf16", "bfloat16"),
  ];
}
