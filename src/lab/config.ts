/** What a lab is made of: sizes, costs in virtual time, and the fault that is switched on. */

import { CrosstalkError } from "../errors.ts";
import { DEFAULT_SHAPE, type TracerShape, tracerShape } from "../tracer/shape.ts";
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
  /** Storing one layer of one block in the host. */
  readonly store: number;
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
  /**
   * In topology `pd`. `push`: the prefill side writes a prompt's blocks chunk by chunk into those that are set aside for it.
   * `pull`: it holds them under a lease when the prompt is computed, and the decode side reads them.
   */
  readonly transfer: "push" | "pull";
  /** For so long a lease lasts from its beginning, or from the last read, in virtual microseconds. */
  readonly leaseMicros: number;
  /** Blocks of the host tier; 0 for none. In topology `pd` it stands behind the prefill pool. */
  readonly hostBlocks: number;
  /** Blocks of host memory that each pool swaps preempted requests out to; 0: they are computed anew. */
  readonly swapBlocks: number;
  /** Slots, each of which keeps the cells of its last request for the next one, in the place of a prefix cache; 0: none. */
  readonly slots: number;
  /** Blocks of host memory for prompts that lose their slot; 0: they are lost. */
  readonly promptCacheBlocks: number;
  /** Requests that run at once in a pool. */
  readonly maxRunning: number;
  /** Tokens computed in one step at most: longer prompts are computed in chunks. */
  readonly stepTokens: number;
  /** Tokens that a drafter guesses ahead of each request, for the next step to verify; 0: no speculative decoding. */
  readonly draftTokens: number;
  /** Plan each step while the one before it is computed, with a placeholder for the token that is not known yet. */
  readonly asyncScheduling: boolean;
  /**
   * Blocks that are moved nearer to their pool's beginning between two steps at most; 0: they stay where they are. In
   * topology `pd` it is the prefill pool.
   */
  readonly movesPerStep: number;
  /** Prompt and answer together. */
  readonly contextTokens: number;
  /** Tokens that wait until they are streamed together; the first goes out at once. */
  readonly streamInterval: number;
  /** Cells that all layers but the first two see, which have blocks of their own; null: all layers see all. */
  readonly window: number | null;
  /** Of the tracer model that it computes with, its window included. */
  readonly shape: TracerShape;
  /** Whether generated traces are to use its adapters. It always has them. */
  readonly adapters: boolean;
  readonly costs: LabCosts;
  /**
   * Steps, loads, stores and transfers take between half of their cost and one and a half, by this seed: another seed, another
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

const DEFAULT_COSTS: LabCosts = {
  step: 400,
  layer: 300,
  load: 100,
  store: 100,
  transfer: 400,
  acknowledge: 500,
  draft: 100,
};

const MAY_BE_NONE: readonly string[] = [
  "hostBlocks",
  "swapBlocks",
  "slots",
  "promptCacheBlocks",
  "draftTokens",
  "movesPerStep",
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
  const chosenSizes = { ...shaped?.sizes, ...fault?.settings, ...sizes };
  const window = chosenSizes.window ?? chosenSizes.shape?.window ?? null;
  const config: LabConfig = {
    topology: "single",
    blockSize: 16,
    prefixIndex: "hash",
    poolBlocks: 96,
    decodeBlocks: 64,
    transfer: "push",
    leaseMicros: 30_000,
    hostBlocks: window === null ? 64 : 0,
    swapBlocks: 0,
    slots: 0,
    promptCacheBlocks: 0,
    maxRunning: 8,
    stepTokens: 64,
    draftTokens: 0,
    asyncScheduling: false,
    movesPerStep: 0,
    contextTokens: 1024,
    streamInterval: 2,
    adapters: false,
    schedulerSeed: null,
    checked: false,
    watch: null,
    ...chosenSizes,
    window,
    shape: tracerShape({ ...DEFAULT_SHAPE, ...chosenSizes.shape, window }),
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
  if (config.asyncScheduling && config.movesPerStep > 0)
    throw invalid(
      "the lab does not move blocks that a step is planned on",
      "Leave out asyncScheduling or movesPerStep.",
    );
  const pulls = config.topology === "pd" && config.transfer === "pull";
  if (pulls && config.leaseMicros < 2 * config.costs.transfer)
    throw invalid(
      `a lease of ${config.leaseMicros} µs can run out while a block is read, which takes ${config.costs.transfer} µs or half as much again`,
      "Make leaseMicros at least twice the cost of a transfer.",
    );
  if (config.slots > 0 && config.topology === "pd")
    throw invalid("the lab has no slots where prefill and decode are apart", "Use topology single.");
  if (config.slots > 0 && config.slots < config.maxRunning)
    throw invalid(
      `maxRunning is ${config.maxRunning}, and there are ${config.slots} slots`,
      "Give each running request a slot.",
    );
  if (config.promptCacheBlocks > 0 && config.slots === 0)
    throw invalid("the lab saves prompts that lose their slot, and has no slots", "Set slots too.");
  if (fault !== null && !fault.topologies.some((topology) => topology === config.topology)) {
    const topology = fault.topologies[0]!;
    throw invalid(`fault ${fault.name} cannot show in topology ${config.topology}`, `Use topology ${topology}.`);
  }
  if (config.window !== null) refuseBesideWindow(config);
  const smallest = config.topology === "pd" ? Math.min(config.poolBlocks, config.decodeBlocks) : config.poolBlocks;
  const inWindow = config.window === null ? 0 : config.window + config.stepTokens + 2 * config.blockSize;
  if (smallest * config.blockSize < config.contextTokens + inWindow) {
    const beside = inWindow === 0 ? "" : ` and ${inWindow} cells of layers with a window`;
    throw invalid(
      `a pool of ${smallest} blocks of ${config.blockSize} cells cannot hold one context of ${config.contextTokens} tokens${beside}`,
      "Make the pool larger or contextTokens smaller.",
    );
  }
  return config;
}

/** What keeps or moves the blocks of one table alone. */
function refuseBesideWindow(config: LabConfig): void {
  const { topology, prefixIndex, hostBlocks, movesPerStep, slots, swapBlocks } = config;
  const beside = [
    ...(topology === "pd" ? ["topology pd"] : []),
    ...(prefixIndex === "radix" ? ["a radix tree"] : []),
    ...(hostBlocks > 0 ? ["a host tier"] : []),
    ...(swapBlocks > 0 ? ["a swap space"] : []),
    ...(slots > 0 ? ["slots"] : []),
    ...(movesPerStep > 0 ? ["moves"] : []),
  ];
  if (beside.length > 0)
    throw invalid(`the lab has no sliding window with ${beside.join(" and ")}`, "Leave out the window, or the other.");
}

const invalid = (message: string, hint: string) => new CrosstalkError("INVALID_OPTION", message, hint);
