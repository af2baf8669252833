/**
 * Prints how many history events a second the laws and the coverage count get through. Asserts nothing.
 * usage: node bench/checker.ts [--traces 40]
 */

import { parseArgs } from "node:util";
import { allProperties } from "../properties/index.ts";
import { coverage, generateTrace, judgeRun, labTarget, limitsOf, type Run, toRun } from "../src/index.ts";

const { values } = parseArgs({ options: { traces: { type: "string", default: "40" } } });

const target = labTarget({ model: "none" });
const limits = limitsOf(await target.start());
const runs: Run[] = [];
for (let seed = 0; seed < Number(values.traces); seed++) {
  const trace = generateTrace(seed, limits);
  await target.flush();
  runs.push(toRun(trace, await target.execute(trace, { arm: "main" })));
}
const events = runs.reduce((sum, run) => sum + run.history.events.length, 0);

/** Runs of the same work, so that the fastest says what the code costs and not what else the machine did. */
const REPEATS = 5;
for (const [name, work] of [
  ["laws", () => runs.map((run) => allProperties.map((law) => judgeRun(law, run)))],
  ["coverage", () => coverage(runs)],
] as const) {
  const seconds = Array.from({ length: REPEATS }, () => {
    const start = performance.now();
    work();
    return (performance.now() - start) / 1000;
  });
  process.stdout.write(`${name}: ${Math.round(events / Math.min(...seconds))} events a second (${events} events)\n`);
}
