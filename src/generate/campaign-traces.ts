/** The traces of a campaign, in order. */

import type { TargetDescription } from "../target/target.ts";
import type { Trace } from "../trace/schema.ts";
import { generateTrace } from "./generate.ts";
import { limitsOf } from "./limits.ts";
import { withBaseNamed } from "./options.ts";
import { scenario, scenariosFor } from "./scenarios.ts";

export interface CampaignTraces {
  readonly seed: number;
  /** How many. */
  readonly traces: number;
  /** The longest prompt and answer together, tokens. */
  readonly context: number;
  /** `all`: with adapters in use, the base model is named too, where a request has none. */
  readonly adapters?: "some" | "all" | undefined;
}

type Described = Pick<
  TargetDescription,
  "blockSize" | "poolCells" | "maxRunning" | "contextTokens" | "topology" | "options" | "canFlush"
>;

/** The named scenarios first, since each is small; then campaign seed and a trace's number after them make its seed. */
export function* campaignTraces(
  { seed, traces, context, adapters }: CampaignTraces,
  description: Described,
): Generator<Trace> {
  const contextTokens = Math.min(context, description.contextTokens);
  // A pool far larger than what runs at once cannot be filled in the time of a trace.
  const poolCells = Math.min(description.poolCells, contextTokens * description.maxRunning);
  const limits = limitsOf({ ...description, contextTokens, poolCells }, { supportsFlush: description.canFlush });
  const scenarios = scenariosFor(limits);
  for (let i = 0; i < traces; i++) {
    const named = scenarios[i];
    const number = i - scenarios.length;
    const trace = named ? scenario(named, limits) : generateTrace((Math.imul(seed, 0x9e3779b1) + number) >>> 0, limits);
    yield adapters === "all" && description.options.includes("adapter") ? withBaseNamed(trace) : trace;
  }
}
