/** Labs without a fault under the traces of hunts: whatever is found there is a false alarm. */

import type { Property } from "../check/property.ts";
import type { LabOptions } from "../lab/config.ts";
import { LAB_PRESET_NAMES } from "../lab/presets.ts";
import { hunt } from "./hunt.ts";
import type { Clean } from "./page.ts";

/** Seeds that no fault is hunted with. */
const CLEAN_SEED = 1_000_000;

/** By name: the topologies that faults are hunted in, the shapes of engines, and what is off in all of these. */
export const CLEAN_LABS: ReadonlyMap<string, LabOptions> = new Map<string, LabOptions>([
  ["single", {}],
  ["prefill and decode apart", { topology: "pd" }],
  ...LAB_PRESET_NAMES.map((preset) => [`shape of ${preset}`, { preset }] as const),
  ["shape of vllm, adapters", { preset: "vllm", adapters: true }],
  ["shape of vllm, swapped out when preempted", { preset: "vllm", swapBlocks: 64 }],
  ["shape of vllm, three drafts a step", { preset: "vllm", draftTokens: 3 }],
  ["shape of vllm, planned a step ahead", { preset: "vllm", asyncScheduling: true }],
  ["shape of vllm, blocks moved between steps", { preset: "vllm", movesPerStep: 4 }],
  ["shape of vllm, a sliding window", { preset: "vllm", window: 64, poolBlocks: 96 }],
  ["shape of vllm, prefill and decode apart", { preset: "vllm", topology: "pd" }],
]);

/** @param budget requests, or a few more: the last trace is run to its end */
export async function cleanLab(name: string, budget: number, laws: readonly Property[]): Promise<Clean> {
  const lab = CLEAN_LABS.get(name)!;
  let requests = 0;
  let alarms = 0;
  for (let seed = CLEAN_SEED; requests < budget; seed++) {
    const hunted = await hunt("crosstalk", {
      fault: null,
      topology: lab.topology ?? "single",
      lab,
      seed,
      budget: Math.min(2000, budget - requests),
      laws,
    });
    requests += hunted.requests;
    if (hunted.found) alarms++;
  }
  return { lab: name, requests, alarms };
}
