/**
 * Labs of the shape of an engine: its unit of reuse, its limits and what it does when the pool is full, with a pool as
 * small as that of the engine's server in a campaign. What the lab cannot express of each is in its README.
 */

import type { Dialect } from "../target/dialect-names.ts";
import type { LabConfig, LabCosts } from "./config.ts";

export interface LabPreset {
  /** The dialect of the engine. */
  readonly dialect: Dialect;
  readonly sizes: Partial<
    Pick<
      LabConfig,
      | "blockSize"
      | "prefixIndex"
      | "poolBlocks"
      | "decodeBlocks"
      | "transfer"
      | "hostBlocks"
      | "slots"
      | "promptCacheBlocks"
      | "maxRunning"
      | "stepTokens"
      | "contextTokens"
      | "streamInterval"
    >
  >;
  readonly costs: Partial<LabCosts>;
}

/** Default costs are of blocks of 16 cells: a cell costs as much in blocks of any size. */
const copies = (blockSize: number): Partial<LabCosts> => ({
  load: Math.round((100 * blockSize) / 16),
  store: Math.round((100 * blockSize) / 16),
  transfer: Math.round((400 * blockSize) / 16),
});

/** SGLang with HiCache: a radix tree over 1,280 cells, twice as many behind them in the host. */
const sglang = (pageSize: number): LabPreset => ({
  dialect: "sglang",
  sizes: {
    blockSize: pageSize,
    prefixIndex: "radix",
    poolBlocks: 1280 / pageSize,
    decodeBlocks: 1280 / pageSize,
    hostBlocks: 2560 / pageSize,
    maxRunning: 16,
    stepTokens: 256,
    contextTokens: 1024,
    streamInterval: 1,
  },
  costs: copies(pageSize),
});

export const LAB_PRESETS = {
  /** Blocks of 16 by a hash chain, chunked prefill, preemption by recompute; 1,280 cells and no host tier. */
  vllm: {
    dialect: "vllm",
    sizes: {
      blockSize: 16,
      poolBlocks: 80,
      decodeBlocks: 80,
      transfer: "pull",
      hostBlocks: 0,
      maxRunning: 16,
      stepTokens: 256,
      contextTokens: 1024,
      streamInterval: 1,
    },
    costs: {},
  },
  sglang: sglang(1),
  "sglang-page-64": sglang(64),
  /** Four slots that each have room for a whole context, so nothing is preempted; old prompts stay in RAM; single cells are reused. */
  "llama.cpp": {
    dialect: "llama-server",
    sizes: {
      blockSize: 1,
      poolBlocks: 4096,
      decodeBlocks: 4096,
      hostBlocks: 0,
      slots: 4,
      promptCacheBlocks: 2048,
      maxRunning: 4,
      stepTokens: 64,
      contextTokens: 1024,
      streamInterval: 1,
    },
    costs: copies(1),
  },
} as const satisfies Readonly<Record<string, LabPreset>>;

export type LabPresetName = keyof typeof LAB_PRESETS;
export const LAB_PRESET_NAMES = Object.keys(LAB_PRESETS) as readonly LabPresetName[];
