/** What a campaign's traces looked at, by the scenario that they play and by what their requests have. */

import { addCoverage, type Coverage, NO_COVERAGE } from "../check/coverage.ts";
import { FEATURES, type RunLine } from "./run-line.ts";

export const SCENARIO_HEAD = [
  ...["scenario", "traces", "requests", "cancels", "prefix hit tokens", "evictions", "preemptions", "loads"],
  ...["transfers", "cells read after a risky event"],
] as const;

/** Traces of seeds have no pattern of their own: each takes some of all. */
const scenarioOf = ({ trace }: RunLine): string => (/^seed \d+$/.test(trace) ? "from a seed" : trace);

/** A row each, in the order in which they ran first. */
export function scenarioRows(runs: readonly RunLine[]): string[][] {
  const scenarios = new Map<string, { traces: number; counts: Coverage }>();
  for (const run of runs) {
    const { counts, traces } = scenarios.get(scenarioOf(run)) ?? { traces: 0, counts: NO_COVERAGE };
    scenarios.set(scenarioOf(run), { traces: traces + 1, counts: addCoverage(counts, run.counts) });
  }
  return Array.from(scenarios, ([name, { counts: c, traces }]) => {
    const events = [c.evictions, c.preemptions, c.loads, c.transfers];
    return [name, ...[traces, c.requests, c.cancels, c.prefixHitTokens, ...events, c.cells.readAfterRisk].map(String)];
  });
}

/** Requests and traces that have each feature; those that none has. */
export function featureRows(runs: readonly RunLine[]): { readonly rows: string[][]; readonly unused: string[] } {
  const counted = FEATURES.map((name) => {
    const having = runs.filter(({ features }) => features[name] !== undefined);
    const times = having.reduce((sum, { features }) => sum + features[name]!, 0);
    return { name, times, traces: having.length };
  });
  return {
    rows: counted
      .filter(({ times }) => times > 0)
      .map(({ name, times, traces }) => [name, String(times), String(traces)]),
    unused: counted.filter(({ times }) => times === 0).map(({ name }) => name),
  };
}
