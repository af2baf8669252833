/**
 * Failing traces of the lab over scheduler seeds: how often each fails as generated, reduced where a run has always the
 * same timing, and reduced where each run has another (`crosstalk run --jitter`). Prints a table.
 * usage: node bench/scheduler-seeds.ts [--seeds 50] [--only pd-free-on-abort,load-layer-early]
 */

import { parseArgs } from "node:util";
import { wholeNumber } from "../src/cli/values.ts";
import { brokenIn, DEFAULT_INVESTIGATION, investigate, runOnce } from "../src/investigate.ts";
import { LAB_FAULTS, type LabFault } from "../src/lab/faults/index.ts";
import { labTarget } from "../src/lab/target.ts";
import { measure } from "../src/minimize/order.ts";
import { markdownTable } from "../src/report/tables.ts";
import type { Trace } from "../src/trace/schema.ts";
import { type FailingTrace, failingTraces } from "./reduce/failing.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "50" },
    only: { type: "string", default: LAB_FAULTS.map((fault) => fault.name).join(",") },
  },
});
const seeds = wholeNumber(values.seeds);
const only = values.only.split(",");
/** Seeds that no reduction comes to. */
const FIRST = 1_000_000;

const rows: string[][] = [];
for (const fault of LAB_FAULTS.filter(({ name }) => only.includes(name))) {
  for (const topology of fault.topologies) {
    for (const failing of await failingTraces(fault, topology, 1)) {
      rows.push([`\`${fault.name}\``, topology, ...(await measured(fault, topology, failing))]);
      process.stderr.write(`${rows.at(-1)!.join(" | ")}\n`);
    }
  }
}
const columns = ["generated", "reduced", "its size", "reduced with jitter", "its size", "confirmed", "runs"];
process.stdout.write(`${markdownTable(["fault", "topology", ...columns], rows)}\n`);

async function measured(fault: LabFault, topology: "single" | "pd", { law, trace }: FailingTrace): Promise<string[]> {
  const options = { topology, fault, adapters: fault.adapters !== undefined, model: "symbols" };
  const reduce = async (jitter: boolean) => {
    const lab = labTarget({ ...options, jitter });
    const failure = brokenIn(law, await runOnce(lab, trace, "main"))!;
    const steps = investigate(lab, await lab.start(), failure, DEFAULT_INVESTIGATION);
    let step = await steps.next();
    while (!step.done) step = await steps.next();
    return step.value;
  };
  const rate = async (tried: Trace): Promise<string> => {
    const lab = labTarget({ ...options, jitter: true });
    let failed = 0;
    for (let i = 0; i < seeds; i++) {
      if (brokenIn(law, await runOnce(lab, tried, "main", undefined, FIRST + i)) !== null) failed++;
    }
    return `${failed} of ${seeds}`;
  };
  const size = (of: Trace) => `${measure(of).requests} and ${measure(of).cancels}`;
  const steady = await reduce(false);
  const varied = await reduce(true);
  const { confirmation, minimised } = varied;
  return [
    await rate(trace),
    await rate(steady.trace),
    size(steady.trace),
    await rate(varied.trace),
    size(varied.trace),
    `${confirmation.failed} of ${confirmation.runs}`,
    `${minimised.runs}`,
  ];
}
