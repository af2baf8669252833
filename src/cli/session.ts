/** One campaign from the command line: target, store, progress, summary. `demo` and `run` are made of it. */

import { lawsFor } from "../../properties/index.ts";
import { type Baseline, excused, NO_BASELINE } from "../baseline.ts";
import { type CampaignEvent, type CampaignResult, campaign } from "../campaign.ts";
import { toRun } from "../check/property.ts";
import { campaignTraces } from "../generate/campaign-traces.ts";
import { DEFAULT_INVESTIGATION } from "../investigate.ts";
import { toRunEvent } from "../report/events.ts";
import { formatRunLine, runLine } from "../report/run-line.ts";
import { NOTHING_RAN, type StoredFinding, type Summary, summarise, targetOf } from "../report/summary.ts";
import { EngineLostError } from "../target/engine-lost.ts";
import type { Target, TargetDescription } from "../target/target.ts";
import type { RequestOption } from "../trace/options.ts";
import type { Trace } from "../trace/schema.ts";
import { type EventLog, NO_EVENTS } from "./event-log.ts";
import { hearSignals } from "./interrupt.ts";
import { narrate, type Progress } from "./progress.ts";
import { RUNS_FILE } from "./saved-campaign.ts";
import type { Store } from "./store.ts";

export interface SessionOptions {
  readonly target: Target;
  readonly store: Store;
  readonly progress: Progress;
  readonly events?: EventLog;
  readonly seed: number;
  /** Traces to run at most. */
  readonly traces: number;
  /** Milliseconds after which no new trace is started. */
  readonly budget: number;
  /** How long the reduction of one failure may take on a server, in milliseconds; its last checks come on top. Default: without end. */
  readonly reduce?: number;
  /** The longest prompt and answer to ask for, tokens. */
  readonly context: number;
  /** New findings after which the campaign ends. */
  readonly findings: number;
  /** Failures that are known. */
  readonly baseline?: Baseline;
  /** Options of requests that no trace may have, though the target knows them. */
  readonly without?: readonly RequestOption[];
  /** `all`: requests of the base model name it, too. */
  readonly adapters?: "some" | "all";
  readonly signal: AbortSignal;
}

export interface Session {
  readonly summary: Summary;
  readonly findings: readonly StoredFinding[];
  readonly result: CampaignResult | null;
  readonly error: unknown;
}

/** Events that say what became of a failure. */
const CONCLUDED: ReadonlySet<CampaignEvent["type"]> = new Set(["unconfirmed", "recurred", "finding"]);

/** Starts the target, runs the campaign, stops the target. Never throws: an error is part of what it gives. */
export async function runSession(options: SessionOptions): Promise<Session> {
  const { baseline = NO_BASELINE, events = NO_EVENTS, progress, seed, store, target } = options;
  const { reduce = Number.POSITIVE_INFINITY } = options;
  const today = dayOf(new Date());
  const findings: StoredFinding[] = [];
  /** New ones among them. */
  let fresh = 0;
  let description: TargetDescription | null = null;
  let result: CampaignResult | null = null;
  let ran = NOTHING_RAN;
  let running: Trace | null = null;
  let error: unknown = null;
  try {
    description = await target.start();
    events.write({ e: "target", target: targetOf(description) });
    progress.say(`crosstalk: ${describe(description)}, seed ${seed}`);
    const end = performance.now() + options.budget;
    let reduceUntil = Number.POSITIVE_INFINITY;
    const steps = campaign({
      target,
      description,
      laws: lawsFor(description),
      traces: noting(campaignTraces(options, without(description, options.without)), (trace) => {
        running = trace;
      }),
      goOn: () => performance.now() < end,
      investigation: { ...DEFAULT_INVESTIGATION, goOnReducing: () => performance.now() < reduceUntil },
      findings: options.findings,
      known: excused(baseline, today),
      signal: options.signal,
    });
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) {
      if (step.value.type === "ran") {
        const { coverage, run, verdicts } = step.value;
        store.run(run, ![...verdicts.values()].some(({ status }) => status === "fail"));
        store.append(RUNS_FILE, formatRunLine(runLine(run.trace, verdicts, coverage)));
        ran = { ...ran, traces: ran.traces + 1, coverage: step.value.total };
      }
      if (step.value.type === "failure") ran = { ...ran, lawBroken: true };
      if (step.value.type !== "minimising") reduceUntil = performance.now() + reduce;
      if (step.value.type === "finding") {
        const { finding, known } = step.value;
        if (!known) fresh++;
        // Listed before it is written: a full disk must not lose it.
        findings.push({ finding, folder: store.folderOf(finding) });
        store.finding(finding);
      }
      if (CONCLUDED.has(step.value.type)) ran = { ...ran, lawBroken: fresh > 0 };
      events.write(toRunEvent(step.value, ran.traces));
      narrate(step.value, { findings: findings.length, left: end - performance.now() }, progress);
      await hearSignals();
    }
    result = step.value;
  } catch (caught) {
    error = caught;
    if (caught instanceof EngineLostError && running) store.run(toRun(running, caught.partial), false);
  } finally {
    // What was found stands, even where the server cannot be stopped.
    await target.stop().catch((caught: unknown) => {
      error ??= caught;
    });
  }
  const { folder: out, runsLeftOut } = store;
  const summary = summarise({ seed, description, result, findings, baseline, today, ran, out, runsLeftOut, error });
  return { summary, findings, result, error };
}

/** `2026-11-29`, UTC. */
export const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

function without(description: TargetDescription, options: readonly RequestOption[] = []): TargetDescription {
  return { ...description, options: description.options.filter((option) => !options.includes(option)) };
}

/** The traces as they are taken, each told to `note` first. */
function* noting(traces: Iterable<Trace>, note: (trace: Trace) => void): Generator<Trace> {
  for (const trace of traces) {
    note(trace);
    yield trace;
  }
}

function describe(d: TargetDescription): string {
  const engine = d.kind === "lab" ? `lab, topology ${d.topology}` : `${d.engine.name} ${d.engine.version} (${d.kind})`;
  const sizes = `${d.maxRunning} at once, ${d.poolCells} cells${d.blockSize > 1 ? ` in blocks of ${d.blockSize}` : ""}`;
  return `${engine}, ${sizes}${d.fault === null ? "" : `, planted fault ${d.fault}`}`;
}
