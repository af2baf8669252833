/** The settings of vLLM that are run, and what a campaign gives. */

import type { Summary } from "../../src/report/summary.ts";

export interface Setting {
  readonly name: string;
  /** Arguments added to the profile's own. */
  readonly args: string;
  /** Options of `crosstalk run` that the setting needs. */
  readonly options?: readonly string[];
  /** Options of `crosstalk model write`, where the server holds another model than a run writes by itself. */
  readonly model?: readonly string[];
  /** Every option of requests is used, those of known bugs too: it is to find them. */
  readonly everything?: boolean;
  /** Longest prompt and answer; null for the command's default. */
  readonly context: number | null;
}

export interface Campaign {
  readonly setting: Setting;
  readonly summary: Summary;
  /** Sums of the engine's own counters, under Crosstalk's names. */
  readonly counters: Readonly<Record<string, number>>;
}

export const SETTINGS: readonly Setting[] = [
  { name: "the profile's", args: "", context: null },
  {
    name: "smaller pool and chunks",
    args: "--num-gpu-blocks-override 18 --max-model-len 512 --max-num-batched-tokens 64",
    context: 256,
  },
  {
    name: "by priority, without async scheduling",
    args: "--scheduling-policy priority --no-async-scheduling",
    context: null,
  },
  { name: "adapters, the base model by name", args: "", options: ["--adapters", "all"], context: null },
  { name: "mixture of experts", args: "", model: ["--experts", "8"], context: null },
  { name: "sliding window", args: "--num-gpu-blocks-override 64", model: ["--window", "64"], context: null },
  {
    name: "larger blocks, whole prompts",
    args: "--block-size 64 --num-gpu-blocks-override 18 --no-enable-chunked-prefill --max-num-batched-tokens 1024",
    context: null,
  },
  {
    name: "speculative decoding",
    args: `--speculative-config '{"method":"ngram","num_speculative_tokens":3,"prompt_lookup_max":3}'`,
    context: null,
  },
  { name: "everything, seeds too", args: "", options: ["--adapters", "all"], everything: true, context: null },
];
