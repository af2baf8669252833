/** How rare a fault is: wrong answers in the ordinary load. */

import type { Rate } from "../check/finding.ts";
import { type Run, toRun } from "../check/property.ts";
import { rate } from "../check/statistics.ts";
import type { LabFault } from "../lab/faults/index.ts";
import { labTarget } from "../lab/target.ts";
import { expectedTokens } from "../trace/prompt.ts";
import { ORDINARY_REQUESTS, ordinaryTrace } from "./ordinary.ts";

const SEED = 20_261_124;

/** Requests of the ordinary load that are answered wrong, among `requests` or a few more. Caches are emptied between traces. */
export async function ordinaryRate(fault: LabFault, topology: "single" | "pd", requests: number): Promise<Rate> {
  const adapters = fault.adapters !== undefined;
  const lab = labTarget({ topology, fault, adapters, model: "symbols" });
  const traces = Math.ceil(requests / ORDINARY_REQUESTS);
  let wrong = 0;
  for (let i = 0; i < traces; i++) {
    const trace = ordinaryTrace(SEED + i, adapters);
    await lab.flush();
    wrong += wrongAnswers(toRun(trace, await lab.execute(trace, { arm: "main" })));
  }
  return rate(wrong, traces * ORDINARY_REQUESTS);
}

function wrongAnswers({ outcomes, requests }: Run): number {
  return [...outcomes.values()].filter(({ id, status, tokens }) => {
    const right = expectedTokens(requests.get(id)!);
    if (status !== "cancelled" && (status !== "finished" || tokens.length !== right.length)) return true;
    return tokens.some((token, i) => token !== right[i]);
  }).length;
}
