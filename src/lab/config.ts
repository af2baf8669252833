/** What a lab is made of: sizes, costs in virtual time, and the fault that is switched on. */

import { CrosstalkError } from "../errors.ts";
import { DEFAULT_SHAPE, type TracerShape } from "../tracer/shape.ts";
import { LAB_FAULTS, type LabFault, labFault } from "./faults/index.ts";
import { LAB_PRESETS, type LabPresetName } from "./presets.ts";
import type { LabWatch } from "./watched-cells.ts";

/** Costs in virtual microseconds. */
export interface LabCosts {
  /** Fixed part of an engine step: scheduling and launch. */
  readonly step: number;
  /** One layer of a step. */
  readonly layer: number;
  /** Loading one layer of one block from the host. */
  readonly load: number;
  /** Sending one layer of one block from the prefill to the decode pool. */
  readonly transfer: number;
  /** From the last write of a transfer to its acknowledgement. */
  readonly acknowledge: number;
  /** Guessing one draft token, for all rows of a step. */
  readonly draft: number;
}

export interface LabConfig {
  /** `single`: one pool does all. `pd`: one pool prefills, another decodes. */
  readonly topology: "single" | "pd";
  /** Cells a block holds. */
  readonly blockSize: number;
  /** What finds cached prefixes: keys of blocks, each hashed over its prefix, or a radix tree over pages of tokens. */
  readonly prefixIndex: "hash" | "radix";
  /** Blocks of the pool, in topology `pd` of the prefill pool. */
  readonly poolBlocks: number;
  /** Blocks of the decode pool, in topology `pd`. */
  readonly decodeBlocks: number;
  /** Blocks of the host tier; 0 for none. In topology `pd` it stands behind the prefill pool. */
  readonly hostBlocks: number;
  /** Blocks of host memory that each pool swaps preempted requests out to; 0: they are computed anew. */
  readonly swapBlocks: number;
  /** Requests that run at once in a pool. */
  readonly maxRunning: number;
  /** Tokens computed in one step at most: longer prompts are computed in chunks. */
  readonly stepTokens: number;
  /** Tokens that a drafter guesses ahead of each request, for the next step to verify; 0: no speculative decoding. */
  readonly draftTokens: number;
  /** Plan each step while the one before it is computed, with a placeholder for the token that is not known yet. */
  readonly asyncScheduling: boolean;
  /** Prompt and answer together. */
  readonly contextTokens: number;
  /** Tokens that wait until they are streamed together; the first goes out at once. */
  readonly streamInterval: number;
  readonly shape: TracerShape;
  /** Whether generated traces are to use its adapters. It always has them. */
  readonly adapters: boolean;
  readonly costs: LabCosts;
  /**
   * Steps, loads and transfers take between half of their cost and one and a half, by this seed: another seed, another
   * interleaving. Null: they take exactly what they cost.
   */
  readonly schedulerSeed: number | null;
  readonly fault: LabFault | null;
  /** The engine whose shape it has, where other options do not say otherwise. */
  readonly preset: LabPresetName | null;
  /** Check the bookkeeping after every step and every cell before it is read; throws on a breach. */
  readonly checked: boolean;
  /** Told what was really read, for tests of explanations; null: nobody listens. */
  readonly watch: LabWatch | null;
}

/** Options: what is left out takes its default. */
export type LabOptions = Partial<Omit<LabConfig, "costs" | "fault">> & {
  readonly costs?: Partial<LabCosts>;
  /** Its name, or a fault from elsewhere. */
  readonly fault?: string | LabFault | null;
};

const DEFAULT_COSTS: LabCosts = { step: 400, layer: 300, load: 100, transfer: 400, acknowledge: 500, draft: 100 };

const MAY_BE_NONE: readonly string[] = [
  "hostBlocks",
  "swapBlocks",
  "draftTokens",
  "schedulerSeed",
] satisfies (keyof LabConfig)[];

/** Fills in the defaults. @throws CrosstalkError INVALID_OPTION */
export function labConfig(options: LabOptions = {}): LabConfig {
  const { costs, fault: chosen = null, preset = null, ...sizes } = options;
  const shaped = preset === null ? null : LAB_PRESETS[preset];
  const fault = typeof chosen === "string" ? labFault(chosen) : chosen;
  if (fault === undefined) {
    throw invalid(`the lab has no fault "${chosen}"`, `Choose one of ${LAB_FAULTS.map((f) => f.name).join(", ")}.`);
  }
  const config: LabConfig = {
    topology: "single",
    blockSize: 16,
    prefixIndex: "hash",
    poolBlocks: 96,
    decodeBlocks: 64,
    hostBlocks: 64,
    swapBlocks: 0,
    maxRunning: 8,
    stepTokens: 64,
    draftTokens: 0,
    asyncScheduling: false,
    contextTokens: 1024,
    streamInterval: 2,
    shape: DEFAULT_SHAPE,
    adapters: false,
    schedulerSeed: null,
    checked: false,
    watch: null,
    ...shaped?.sizes,
    ...fault?.settings,
    ...sizes,
    costs: { ...DEFAULT_COSTS, ...shaped?.costs, ...fault?.settings?.costs, ...costs },
    fault,
    preset,
  };
  for (const [name, value] of Object.entries({ ...config, ...config.costs })) {
    if (typeof value !== "number") continue;
    const least = name in config.costs || MAY_BE_NONE.includes(name) ? 0 : 1;
    if (!Number.isInteger(value) || value < least)
      throw invalid(`${name} is ${value}, expected a whole number from ${least} on`, "Correct the lab's options.");
  }
  if (config.asyncScheduling && config.draftTokens > 0)
    throw invalid("the lab does not plan ahead of drafts", "Leave out asyncScheduling or draftTokens.");
  if (fault !== null && !fault.topologies.some((topology) => topology === config.topology)) {
    const topology = fault.topologies[0]!;
    throw invalid(`fault ${fault.name} cannot show in topology ${config.topology}`, `Use topology ${topology}.`);
  }
  const smallest = config.topology === "pd" ? Math.min(config.poolBlocks, config.decodeBlocks) : config.poolBlocks;
  if (smallest * config.blockSize < config.contextTokens) {
    throw invalid(
      `a pool of ${smallest} blocks of ${config.blockSize} cells cannot hold one context of ${config.contextTokens} tokens`,
      "Make the pool larger or contextTokens smaller.",
    );
  }
  return config;
}

const invalid = (message: string, hint: string) => new CrosstalkError("INVALID_OPTION", message, hint);
