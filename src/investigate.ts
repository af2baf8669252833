/** From a failed run to a finding: reduce, confirm on fresh servers, run the control arms, explain. */

import { createHash } from "node:crypto";
import { forArm } from "./check/arms.ts";
import { explainWitness } from "./check/explain.ts";
import { type Anomaly, type ArmResult, type Finding, isOthers, type TraceSize } from "./check/finding.ts";
import { narrowReadsAreRight } from "./check/locate.ts";
import { judgeRun, type Property, type Run, toRun } from "./check/property.ts";
import { rate } from "./check/statistics.ts";
import type { Witness } from "./check/verdict.ts";
import { CrosstalkError } from "./errors.ts";
import type { Arm } from "./history/schema.ts";
import { leaveOutSettings, type SettingTried } from "./leave-out-settings.ts";
import { locatedAnomaly } from "./locate.ts";
import { type Candidate, createMinimizer } from "./minimize/minimizer.ts";
import { EngineLostError } from "./target/engine-lost.ts";
import { endsAlike, type Target, type TargetDescription } from "./target/target.ts";
import { formatTrace } from "./trace/read.ts";
import type { Trace } from "./trace/schema.ts";

/** A run that broke a law, and the witness that is looked into. */
export interface Failure {
  readonly law: Property;
  readonly run: Run;
  readonly witness: Witness;
}

/** The same, with all that the law saw. */
export interface Broken extends Failure {
  readonly witnesses: readonly Witness[];
}

export type InvestigationStep =
  | { readonly type: "minimising"; readonly runs: number; readonly size: TraceSize; readonly pass: string }
  | SettingTried
  | { readonly type: "confirming"; readonly failed: number; readonly runs: number }
  | { readonly type: "arm"; readonly result: ArmResult };

/** What became of a candidate of the reduction. */
export interface CandidateRuns {
  /** Of each run, whether the same failure happened again. */
  readonly outcomes: readonly boolean[];
  /** The run in which it did; null for none. */
  readonly failed: Run | null;
}

/** Candidates of a reduction that was begun before, in the order in which they came: so it goes on where it was. */
export interface ReductionLog {
  /** Null where the candidate was not run, and so none after it. */
  recall(trace: Trace): CandidateRuns | null;
  note(trace: Trace, runs: CandidateRuns): void;
}

export interface InvestigationLimits {
  /** Most runs of the reduction; a lab's cost nothing. */
  readonly reduce: number;
  readonly reduceInLab: number;
  /** Asked between runs of the reduction on a server: false ends it with what it has. Default: the runs alone decide. */
  readonly goOnReducing?: () => boolean;
  /** Fresh servers to confirm on, and runs on each. */
  readonly servers: number;
  readonly runsPerServer: number;
  /** Runs of each control arm. */
  readonly armRuns: number;
  /** Whether settings of a server that starts slowly are tried too, for as long as the reduction goes on. Default: no. */
  readonly slowSettings?: boolean;
  readonly log?: ReductionLog;
}

export const DEFAULT_INVESTIGATION: InvestigationLimits = {
  reduce: 500,
  reduceInLab: 2000,
  servers: 2,
  runsPerServer: 5,
  armRuns: 3,
};

/**
 * Runs a trace once, as `arm` has it, on caches that were emptied as far as a flush can. A server that ends meanwhile is
 * started again: its end is in the run's history.
 * @param run as in `Execution`
 * @throws EngineLostError where it cannot be started again
 */
export async function runOnce(
  target: Target,
  trace: Trace,
  arm: Arm,
  signal?: AbortSignal,
  run?: number,
): Promise<Run> {
  await target.flush();
  const armTrace = forArm(trace, arm);
  const log = () => target.log?.() ?? [];
  try {
    const history = await target.execute(armTrace, {
      arm,
      ...(signal === undefined ? {} : { signal }),
      ...(run === undefined ? {} : { run }),
    });
    return { ...toRun(armTrace, history), log: log() };
  } catch (error) {
    if (!(error instanceof EngineLostError)) throw error;
    const lastWords = log();
    await target.restart().catch(() => {
      throw error;
    });
    return { ...toRun(armTrace, error.partial), log: lastWords };
  }
}

interface RunChoice {
  readonly arm?: Arm;
  /** On a server started for this run, where the target can. */
  readonly fresh?: boolean;
  /** As in `Execution`. */
  readonly run?: number;
}

/** How a run breaks a law; null if it does not. */
export function brokenIn(law: Property, run: Run): Broken | null {
  const verdict = judgeRun(law, run);
  if (verdict.status !== "fail") return null;
  const { witnesses } = verdict;
  return { law, run, witness: witnesses[0], witnesses };
}

/**
 * Runs traces again, kept apart from each other as the target allows, and gives the failure where one breaks the law. A
 * server that ended between two runs says nothing of either: it is started again.
 */
export function rerun(target: Target, description: TargetDescription, law: Property, signal?: AbortSignal) {
  const canRestart = description.arms.includes("fresh-server");
  const alwaysFresh = canRestart && description.isolation === "restart";
  return async (trace: Trace, { arm = "main", fresh = false, run }: RunChoice = {}): Promise<Broken | null> => {
    try {
      if (alwaysFresh || (fresh && canRestart)) await target.restart();
      return brokenIn(law, await runOnce(target, trace, arm, signal, run));
    } catch (error) {
      if (!canRestart || !(error instanceof CrosstalkError) || error.code !== "ENGINE_LOST") throw error;
      await target.restart();
      return null;
    }
  };
}

/** A server that starts faster than this is started afresh wherever it helps; others only to confirm. */
const FAST_START_MS = 8000;

/** Where timing decides whether a trace fails, those that locate the failure are each tried a few times. */
const ROUNDS = 3;

/** Witnesses of one run that are looked at for the same failure: a law may list every request. */
const WITNESSES = 8;

/** What an anomaly may be called; of one that no class names, nothing. */
const classesOf = ({ class: first, or }: Anomaly) =>
  [first, ...or.map((other) => other.class)].filter((c) => c !== "unexplained");

/**
 * Whether an anomaly may be of a class that the original showed, the first time or when it was run again, or reads
 * others' cells as one of those did.
 * @param shown when the original was run again
 */
function alike(original: Anomaly, shown: readonly Anomaly[], anomaly: Anomaly): boolean {
  const classes = classesOf(anomaly);
  // One without a name will do only where nothing better is to be had.
  if (classes.length === 0) return shown.every((other) => classesOf(other).length === 0);
  const known = [original, ...shown].flatMap(classesOf);
  return known.length === 0 || classes.some((c) => known.some((d) => c === d || (isOthers(c) && isOthers(d))));
}

/** Requests that it is worth to try alone. Where the server ended, all that it was at work on may have done it. */
export const suspectsOf = ({ class: named, origins, request }: Anomaly): readonly string[] =>
  named === "lost server" ? [] : [request, ...origins.slice(0, 2).map((origin) => origin.request)];

/** How much an anomaly leaves open: the classes that stand beside the first, all of them where none is named. */
const leavesOpen = ({ class: first, or }: Anomaly): number => (first === "unexplained" ? Infinity : or.length);

/** A failure, and the anomaly that its witness is. */
interface Seen extends Failure {
  readonly anomaly: Anomaly;
}

/** Of those that leave equally much open, the first. */
const clearest = (a: Seen, b: Seen): Seen => (leavesOpen(b.anomaly) < leavesOpen(a.anomaly) ? b : a);

export async function* investigate(
  target: Target,
  description: TargetDescription,
  failure: Failure,
  limits: InvestigationLimits,
  signal?: AbortSignal,
): AsyncGenerator<InvestigationStep, Finding> {
  const { law } = failure;
  const explained = ({ law, run }: Failure, witness: Witness): Seen => {
    return { law, run, witness, anomaly: explainWitness(run, witness, description.blockSize) };
  };
  const original = explained(failure, failure.witness);
  /** Of each trace that failed, the failure that leaves least open: the one of the minimal trace is reported. */
  const failures = new Map<Trace, Seen>([[failure.run.trace, original]]);
  const keep = (trace: Trace, seen: Seen): void => {
    const before = failures.get(trace);
    failures.set(trace, before === undefined ? seen : clearest(seen, before));
  };
  const canRestart = description.arms.includes("fresh-server");
  const startsFast = description.startsInMs < FAST_START_MS;
  const again = rerun(target, description, law, signal);
  const allSeen = (failed: Broken): Seen[] => failed.witnesses.slice(0, WITNESSES).map((w) => explained(failed, w));
  const fails = async (trace: Trace, choice: RunChoice = {}): Promise<boolean> => {
    const failed = await again(trace, choice);
    if (failed !== null && (choice.arm ?? "main") === "main") keep(trace, allSeen(failed).reduce(clearest));
    return failed !== null;
  };
  /** What the original showed when it was run again: one fault may show in several ways. */
  const shown: Anomaly[] = [];
  /**
   * A smaller trace that breaks the law in another way is another failure, not a smaller form of this one. Details are worth
   * less than an explanation: one that leaves more open is not worth a few tokens.
   */
  const isAlike = ({ trace, purpose, step }: Candidate, failed: Broken): boolean => {
    const seen = allSeen(failed);
    const same = seen.filter(({ anomaly }) => alike(original.anomaly, shown, anomaly));
    if (same.length === 0 && purpose !== "calibrate") return false;
    const clear = (same.length > 0 ? same : seen).reduce(clearest);
    if (step === "fine" && leavesOpen(clear.anomaly) > leavesOpen(failures.get(minimizer.best)!.anomaly)) return false;
    if (purpose === "calibrate") shown.push(clear.anomaly);
    keep(trace, clear);
    return true;
  };
  const runCandidate = async (candidate: Candidate): Promise<CandidateRuns> => {
    const outcomes: boolean[] = [];
    while (outcomes.length < candidate.runs) {
      // It is weighed as it is confirmed below, and as whoever gets the repro runs it: on a fresh server, and again on the same.
      const begins = (candidate.ran + outcomes.length) % limits.runsPerServer === 0;
      const fresh = candidate.pass === "steady" && startsFast && begins;
      const failed = await again(candidate.trace, { fresh, run: minimizer.runs + outcomes.length + 1 });
      const alike = failed !== null && isAlike(candidate, failed);
      outcomes.push(alike);
      if (alike) return { outcomes, failed: failed.run };
    }
    return { outcomes, failed: null };
  };
  const recalled = (candidate: Candidate): CandidateRuns | null => {
    const before = limits.log?.recall(candidate.trace) ?? null;
    if (before === null || before.failed === null) return before;
    const broken = brokenIn(law, before.failed);
    return broken !== null && isAlike(candidate, broken) ? before : null;
  };

  const alwaysAlike = endsAlike(target, description);
  const minimizer = createMinimizer(failure.run.trace, {
    blockSize: description.blockSize,
    contextTokens: description.contextTokens,
    window: description.written.shape.window,
    repeats: alwaysAlike ? 1 : 6,
    budget: description.kind === "lab" ? limits.reduceInLab : limits.reduce,
    suspects: suspectsOf(original.anomaly),
  });
  const goOn = (description.kind !== "lab" && limits.goOnReducing) || (() => true);
  for (let candidate = minimizer.next(); candidate !== null; candidate = minimizer.next()) {
    let ran = recalled(candidate);
    if (ran === null) {
      ran = await runCandidate(candidate);
      limits.log?.note(candidate.trace, ran);
    }
    if (!goOn()) minimizer.hurry();
    minimizer.observe(candidate, ran.outcomes);
    yield { type: "minimising", runs: minimizer.runs, size: minimizer.size, pass: candidate.pass };
  }
  const minimal = minimizer.result();

  const failsEach = async (): Promise<boolean> => {
    for (let i = 0; i < limits.armRuns; i++)
      if (!(await fails(minimal.trace, { run: minimal.runs + i + 1 }))) return false;
    return true;
  };
  const mayTrySettings = () => startsFast || (limits.slowSettings === true && goOn());
  const left = yield* leaveOutSettings(target, description, failsEach, mayTrySettings);

  const runs = limits.servers * limits.runsPerServer;
  let failed = 0;
  for (let i = 0; i < runs; i++) {
    const fresh = i % limits.runsPerServer === 0;
    if (await fails(minimal.trace, { fresh, run: minimal.runs + i + 1 })) failed++;
    yield { type: "confirming", failed, runs: i + 1 };
  }

  const servers = !canRestart ? 0 : description.isolation === "restart" ? runs : limits.servers;

  const arms: ArmResult[] = [];
  for (const arm of description.arms) {
    if (arm === "main") continue;
    const armRuns = arm === "fresh-server" && !startsFast ? 1 : limits.armRuns;
    let armFailed = 0;
    for (let i = 0; i < armRuns; i++) {
      const fresh = arm === "fresh-server";
      if (await fails(minimal.trace, { arm, fresh, run: minimal.runs + i + 1 })) armFailed++;
    }
    const result: ArmResult = { arm, rate: rate(armFailed, armRuns) };
    arms.push(result);
    yield { type: "arm", result };
  }

  const reported = failures.get(minimal.trace)!;
  const readAgain = rerun(target, description, narrowReadsAreRight, signal);
  const sha = createHash("sha256").update(formatTrace(minimal.trace)).digest("hex");
  const anomaly = await locatedAnomaly(description, reported, alwaysAlike ? 1 : ROUNDS, readAgain);
  // Whoever goes on with the target has the server that it described at first.
  if (left !== null && left.without.length > 0) await target.startWithout!([]);
  return {
    id: `${law.id}-${sha.slice(0, 6)}`,
    law: { id: law.id, title: law.title, law: law.law },
    anomaly,
    trace: minimal.trace,
    history: reported.run.history,
    log: reported.run.log ?? [],
    target: left?.description ?? description,
    confirmation: { ...rate(failed, runs), servers },
    arms,
    ...(left === null ? {} : { settings: { without: left.without, needed: left.needed } }),
    minimised: { from: minimal.from, to: minimal.to, runs: minimal.runs, claim: minimal.claim },
  };
}
