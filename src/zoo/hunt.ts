/** Hunts for one fault in the lab: how long until it is found, as what, and how small its repro is. */

import { forArm } from "../check/arms.ts";
import type { AnomalyClass } from "../check/finding.ts";
import { judgeRun, type Property, type Run, toRun } from "../check/property.ts";
import { campaignTraces } from "../generate/campaign-traces.ts";
import { SCENARIOS } from "../generate/scenarios.ts";
import { DEFAULT_INVESTIGATION, investigate } from "../investigate.ts";
import { type LabOptions, labConfig } from "../lab/config.ts";
import type { LabFault } from "../lab/faults/index.ts";
import { labTarget } from "../lab/target.ts";
import { isSend, type Trace } from "../trace/schema.ts";
import { ordinaryTrace } from "./ordinary.ts";

/**
 * `crosstalk`: as `crosstalk run` hunts. `generated`: the same without named scenarios. `no-cancels`: the same without cancels. `no-pressure`: the same with a pool that
 * nothing is evicted from. `unplanned`: the ordinary load in place of hostile traces, judged by the same laws.
 * `texts`: the ordinary load again, each answer compared with the one that the same server gives one at a time.
 */
export const HUNTERS = ["crosstalk", "generated", "no-cancels", "no-pressure", "unplanned", "texts"] as const;
export type Hunter = (typeof HUNTERS)[number];

export interface HuntOptions {
  /** None: a clean lab. */
  readonly fault: LabFault | null;
  readonly topology: "single" | "pd";
  /** What else the lab is made of. */
  readonly lab?: LabOptions;
  readonly seed: number;
  /** Requests after which the hunt is given up. */
  readonly budget: number;
  readonly laws: readonly Property[];
}

export interface Hunted {
  readonly found: boolean;
  /** Requests sent until it was found, or in all. */
  readonly requests: number;
  readonly traces: number;
  /** Whether it was found in a named scenario: those come first, so a hunt with any other seed would be the same. */
  readonly inScenario: boolean;
  /** Virtual time that they took. */
  readonly simulatedMs: number;
  /** Of what Crosstalk found. */
  readonly finding: {
    readonly law: string;
    readonly class: AnomalyClass;
    /** Whether the fault can cause that, or another class that is stated beside it. */
    readonly named: boolean;
    readonly requests: number;
    readonly cancels: number;
  } | null;
}

const isScenario = (name: string): boolean => SCENARIOS.some((scenario) => scenario === name);

const CONTEXT = 512;
/** So many times the blocks: nothing is evicted or preempted. */
const ROOMY = 16;

export async function hunt(hunter: Hunter, options: HuntOptions): Promise<Hunted> {
  const { budget, fault } = options;
  const lab = labTarget({ ...labOptions(hunter, options), model: "symbols" });
  const description = await lab.start();
  let [requests, traces, simulatedMs] = [0, 0, 0];
  for (const trace of tracesFor(hunter, options, description)) {
    if (requests >= budget) break;
    traces++;
    requests += trace.steps.filter(isSend).length;
    await lab.flush();
    const run = toRun(trace, await lab.execute(trace, { arm: "main" }));
    simulatedMs += (run.history.events.at(-1)?.t ?? 0) / 1000;
    if (hunter === "texts") {
      await lab.flush();
      const alone = forArm(forArm(trace, "no-cancels"), "serialised");
      if (!differs(run, toRun(alone, await lab.execute(alone, { arm: "serialised" })))) continue;
      return { found: true, requests, traces, inScenario: false, simulatedMs, finding: null };
    }
    for (const law of options.laws) {
      if (!law.appliesTo(trace)) continue;
      const verdict = judgeRun(law, run);
      if (verdict.status !== "fail") continue;
      const found = { found: true, requests, traces, inScenario: isScenario(trace.name), simulatedMs };
      if (hunter !== "crosstalk" || fault === null) return { ...found, finding: null };
      const failure = { law, run, witness: verdict.witnesses[0] };
      const steps = investigate(lab, description, failure, DEFAULT_INVESTIGATION);
      let step = await steps.next();
      while (!step.done) step = await steps.next();
      const { anomaly, minimised } = step.value;
      const classes = [anomaly.class, ...anomaly.or.map((other) => other.class)];
      const { requests: size, cancels } = minimised.to;
      return {
        ...found,
        finding: {
          law: law.id,
          class: anomaly.class,
          named: classes.some((c) => fault.shows.includes(c)),
          requests: size,
          cancels,
        },
      };
    }
  }
  return { found: false, requests, traces, inScenario: false, simulatedMs, finding: null };
}

function labOptions(hunter: Hunter, { fault, topology, lab }: HuntOptions): LabOptions {
  const { poolBlocks, decodeBlocks } = labConfig();
  const roomy = hunter === "no-pressure" ? { poolBlocks: poolBlocks * ROOMY, decodeBlocks: decodeBlocks * ROOMY } : {};
  return { topology, fault, adapters: fault?.adapters !== undefined, ...lab, ...roomy };
}

function* tracesFor(
  hunter: Hunter,
  { fault, seed }: HuntOptions,
  description: Parameters<typeof campaignTraces>[1],
): Generator<Trace> {
  if (hunter === "unplanned" || hunter === "texts") {
    for (let i = 0; ; i++) yield ordinaryTrace((Math.imul(seed, 0x9e3779b1) + i) >>> 0, fault?.adapters !== undefined);
  }
  for (const trace of campaignTraces({ seed, traces: Number.MAX_SAFE_INTEGER, context: CONTEXT }, description)) {
    if (hunter === "generated" && isScenario(trace.name)) continue;
    yield hunter === "no-cancels" ? forArm(trace, "no-cancels") : trace;
  }
}

/** Whether an answer is not the one of the other run; a cancelled one, not its beginning. */
function differs(run: Run, reference: Run): boolean {
  return [...run.outcomes.values()].some(({ id, status, tokens }) => {
    const right = reference.outcomes.get(id)!.tokens;
    if (status !== "cancelled" && tokens.length !== right.length) return true;
    return tokens.some((token, i) => token !== right[i]);
  });
}
