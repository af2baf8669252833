/**
 * Prints what the lab costs: requests a second, cost of a request by how many run at once, cost of a token by how long
 * the context is. Asserts nothing.
 * usage: node bench/lab.ts [--traces 60]
 */

import { parseArgs } from "node:util";
import { allProperties } from "../properties/index.ts";
import { campaignTraces } from "../src/generate/campaign-traces.ts";
import {
  coverage,
  isSend,
  judgeRun,
  type LabOptions,
  labTarget,
  type Step,
  type Trace,
  toRun,
  validateTrace,
} from "../src/index.ts";
import { table } from "./table.ts";

const { values } = parseArgs({ options: { traces: { type: "string", default: "60" } } });
const traces = Number(values.traces);

/** Runs of the same work, so that the fastest says what the code costs and not what else the machine did. */
const REPEATS = 3;
const BLOCK = 16;

async function fastest<T extends Readonly<Record<string, number>>>(work: () => Promise<T>): Promise<T> {
  const runs: T[] = [];
  for (let i = 0; i < REPEATS; i++) runs.push(await work());
  const least = (name: string) => Math.min(...runs.map((run) => run[name]!));
  return Object.fromEntries(Object.keys(runs[0]!).map((name) => [name, least(name)])) as T;
}

/** Milliseconds that each part of a campaign takes, over all its traces. */
async function campaign(topology: "single" | "pd") {
  const lab = labTarget({ topology, model: "none" });
  const description = await lab.start();
  const took = { generate: 0, run: 0, judge: 0, requests: 0 };
  let since = performance.now();
  const lap = (part: "generate" | "run" | "judge"): void => {
    const now = performance.now();
    took[part] += now - since;
    since = now;
  };
  for (const trace of campaignTraces({ seed: 1, traces, context: 512 }, description)) {
    lap("generate");
    await lab.flush();
    const history = await lab.execute(trace, { arm: "main" });
    lap("run");
    const run = toRun(trace, history);
    for (const law of allProperties) if (law.appliesTo(trace)) judgeRun(law, run);
    coverage([run]);
    lap("judge");
    took.requests += trace.steps.filter(isSend).length;
  }
  return took;
}

/** Requests of `prompt` cells and a scan, all sent at once. */
function burst(requests: number, prompt: number, maxTokens: number): Trace {
  const ids = Array.from({ length: requests }, (_, i) => `r${i}`);
  return validateTrace({
    crosstalk: "crosstalk-trace/1",
    name: `${requests} at once`,
    segments: Object.fromEntries(ids.map((id, i) => [id, { seed: i, family: i % 64, length: prompt }])),
    steps: ids.map((id): Step => ({ at: 0, send: id, prompt: [{ seg: id }, { read: "scan" }], maxTokens })),
  });
}

/** Milliseconds that a trace takes in a lab which has room for all of it. */
async function takes(trace: Trace, options: LabOptions): Promise<{ readonly ms: number }> {
  const lab = labTarget({ ...options, hostBlocks: 0, model: "none" });
  const start = performance.now();
  await lab.execute(trace, { arm: "main" });
  return { ms: performance.now() - start };
}

const out = (text: string): void => void process.stdout.write(`${text}\n\n`);
const whole = (x: number): string => x.toFixed(0);

const rows: string[][] = [];
for (const topology of ["single", "pd"] as const) {
  const { generate, run, judge: judged, requests } = await fastest(() => campaign(topology));
  const all = generate + run + judged;
  const rates = [requests / run, requests / all].map((r) => whole(1000 * r));
  rows.push([
    topology,
    whole(requests),
    ...rates,
    ...[generate, run, judged].map((ms) => `${whole((100 * ms) / all)} %`),
  ]);
}
out(`A campaign of ${traces} traces, seed 1:`);
out(
  table(["topology", "requests", "a second, lab alone", "a second, whole campaign", "generate", "run", "judge"], rows),
);

const PROMPT = 31;
const ANSWER = 16;
const concurrency = [];
for (const requests of [10, 100, 1000, 10_000]) {
  const blocks = requests * Math.ceil((PROMPT + 1 + ANSWER) / BLOCK);
  const trace = burst(requests, PROMPT, ANSWER);
  const options = { poolBlocks: blocks + BLOCK, maxRunning: requests, contextTokens: 64, stepTokens: 64 * requests };
  const { ms } = await fastest(() => takes(trace, options));
  concurrency.push([
    requests,
    whole((1000 * ms) / requests),
    ((1000 * ms) / (requests * (PROMPT + 1 + ANSWER))).toFixed(1),
  ]);
}
out(`Requests of ${PROMPT + 1} tokens, ${ANSWER} answered, all at once:`);
out(table(["at once", "µs a request", "µs a token"], concurrency));

const contexts = [];
for (const context of [1000, 10_000, 100_000]) {
  const trace = burst(1, context, ANSWER);
  const options = {
    poolBlocks: Math.ceil((context + 2 * ANSWER) / BLOCK),
    contextTokens: context + 2 * ANSWER,
    stepTokens: 512,
  };
  const { ms } = await fastest(() => takes(trace, options));
  contexts.push([context, whole(ms), ((1000 * ms) / context).toFixed(1)]);
}
out(`One request, ${ANSWER} tokens answered, prompt in chunks of 512:`);
out(table(["tokens of the prompt", "ms", "µs a token"], contexts));
