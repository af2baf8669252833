/** `crosstalk reduce`: from a trace that fails to a finding. It goes on where it was interrupted. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { lawsFor } from "../../properties/index.ts";
import type { Property } from "../check/property.ts";
import { upperBoundOfZero } from "../check/statistics.ts";
import { CrosstalkError } from "../errors.ts";
import { brokenIn, DEFAULT_INVESTIGATION, type Failure, investigate, runOnce } from "../investigate.ts";
import { formatTerminal } from "../report/terminal.ts";
import { boundOfClean } from "../report/wording.ts";
import type { Target, TargetDescription } from "../target/target.ts";
import { parseTrace } from "../trace/read.ts";
import type { Trace } from "../trace/schema.ts";
import { EXIT } from "./exit.ts";
import { inputFile } from "./input.ts";
import { hearSignals, withInterrupt } from "./interrupt.ts";
import { narrate, type Progress, paintFor, progressTo } from "./progress.ts";
import { type Beginning, ReductionFile } from "./reduction-log.ts";
import { Store } from "./store.ts";
import { openTarget, type TargetOptions, withNeedsOfFault } from "./target.ts";

export interface ReduceOptions extends TargetOptions {
  /** Runs in which the trace must fail once. */
  readonly tries: number;
  /** Milliseconds that the reduction may take. */
  readonly budget: number;
  /** The output folder. */
  readonly out: string;
  readonly json?: boolean;
}

/** In the output folder until the finding is there. */
const LOG = "reduction.jsonl";

export async function reduce(path: string, options: ReduceOptions): Promise<number> {
  const file = inputFile(path, "trace.json", "INVALID_TRACE");
  const trace = parseTrace(file.text, file.path);
  const store = new Store(options.out);
  const logFile = join(options.out, LOG);
  const resumed = ReductionFile.resume(logFile);
  return withInterrupt(async (signal) => {
    const progress = progressTo(process.stderr, options.json === true);
    const target = await openTarget(await withNeedsOfFault(options), trace);
    try {
      const description = await target.start();
      const laws = lawsFor(description).filter((law) => law.appliesTo(trace));
      const begun = resumed?.beginning ?? (await firstFailure(target, trace, laws, options.tries, progress, signal));
      if (begun === null) return notFailed(trace, options);
      refuseAnotherEngine(begun, description, logFile);
      const log = resumed ?? ReductionFile.begin(logFile, begun);
      if (resumed) progress.say(`crosstalk: going on with ${logFile}, ${resumed.left} candidates that were run before`);
      const until = performance.now() + options.budget;
      const limits = {
        ...DEFAULT_INVESTIGATION,
        slowSettings: true,
        goOnReducing: () => performance.now() < until,
        log,
      };
      const steps = investigate(target, description, failureOf(begun, laws, logFile), limits, signal);
      let step = await steps.next();
      for (; !step.done; step = await steps.next()) {
        narrate(step.value, { findings: 0, left: until - performance.now() }, progress);
        await hearSignals();
      }
      const finding = step.value;
      const folder = store.folderOf(finding);
      store.finding(finding);
      rmSync(logFile);
      if (options.json) {
        const { id, trace, minimised, settings, confirmation, arms } = finding;
        process.stdout.write(
          `${JSON.stringify({ id, trace, minimised, settings, confirmation, arms, repro: folder })}\n`,
        );
      } else process.stdout.write(`\n${formatTerminal(finding, { folder, paint: paintFor(process.stdout) })}`);
      return EXIT.finding;
    } catch (error) {
      if (!signal.aborted) throw error;
      process.stderr.write(`crosstalk: the same command goes on where this one was interrupted\n`);
      return EXIT.interrupted;
    } finally {
      await target.stop();
    }
  });
}

async function firstFailure(
  target: Target,
  trace: Trace,
  laws: readonly Property[],
  tries: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<Beginning | null> {
  for (let i = 0; i < tries; i++) {
    await hearSignals();
    const run = await runOnce(target, trace, "main", signal, i + 1);
    const law = laws.find((l) => brokenIn(l, run) !== null);
    if (law !== undefined) return { law: law.id, run };
    progress.show(`  try ${i + 1} of ${tries}: not failed`);
  }
  return null;
}

/** What one version did says nothing of another. @throws CrosstalkError INVALID_REDUCTION */
function refuseAnotherEngine({ run }: Beginning, { engine }: TargetDescription, logFile: string): void {
  const { name, version } = run.history.header.engine;
  if (name === engine.name && version === engine.version) return;
  const hint = "Give the same engine, or delete the file to begin the reduction anew.";
  const message = `${logFile} was begun on ${name} ${version}, and this is ${engine.name} ${engine.version}`;
  throw new CrosstalkError("INVALID_REDUCTION", message, hint);
}

/** @throws CrosstalkError INVALID_REDUCTION where a law knows better by now */
function failureOf({ law: id, run }: Beginning, laws: readonly Property[], logFile: string): Failure {
  const law = laws.find((l) => l.id === id);
  const broken = law === undefined ? null : brokenIn(law, run);
  if (broken !== null) return broken;
  const hint = "Delete the file to begin the reduction anew.";
  throw new CrosstalkError("INVALID_REDUCTION", `the run that ${logFile} begins with breaks no law "${id}"`, hint);
}

function notFailed({ name }: Trace, { json, tries }: ReduceOptions): number {
  if (json) process.stdout.write(`${JSON.stringify({ id: null, tries, atMost: upperBoundOfZero(tries) })}\n`);
  else process.stdout.write(`${name}: did not fail in ${tries} tries; ${boundOfClean(tries)}\n`);
  return EXIT.clean;
}
