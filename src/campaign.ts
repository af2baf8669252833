/** A campaign: run traces against a target, judge each by every law, investigate what breaks one. */

import { calm } from "./check/arms.ts";
import type { Coverage } from "./check/coverage.ts";
import { addCoverage, coverage, NO_COVERAGE } from "./check/coverage.ts";
import type { Finding } from "./check/finding.ts";
import { judge, type Property, type Run } from "./check/property.ts";
import { joinStatus, type Status, type Verdict } from "./check/verdict.ts";
import {
  type Failure,
  type InvestigationLimits,
  type InvestigationStep,
  investigate,
  rerun,
  runOnce,
} from "./investigate.ts";
import type { Target, TargetDescription } from "./target/target.ts";
import type { Trace } from "./trace/schema.ts";

export interface CampaignOptions {
  /** Started already. */
  readonly target: Target;
  readonly description: TargetDescription;
  readonly laws: readonly Property[];
  /** The traces to run, in order; the campaign ends with them or with `goOn`. */
  readonly traces: Iterable<Trace>;
  /** Asked before each trace: false ends the campaign. */
  readonly goOn: () => boolean;
  readonly investigation: InvestigationLimits;
  /** Findings after which the campaign ends. */
  readonly findings: number;
  readonly signal?: AbortSignal;
}

/** How one law fared over all traces. */
export interface LawTally {
  readonly law: Property;
  readonly passed: number;
  readonly inconclusive: number;
  readonly failed: number;
  /** Of the inconclusive ones: failures that were seen once and never again. */
  readonly unconfirmed: number;
  /** Of the last verdict that says most. */
  readonly reason: string;
  /**
   * `fail` if it failed once, `inconclusive` if that was not confirmed. Otherwise `pass` needs one trace in which it could have failed and did not: a trace in
   * which it was vacuous adds nothing, and takes nothing away.
   */
  readonly status: Status;
}

export type CampaignEvent =
  | {
      readonly type: "ran";
      readonly run: Run;
      readonly verdicts: ReadonlyMap<string, Verdict>;
      readonly total: Coverage;
    }
  | { readonly type: "failure"; readonly failure: Failure; readonly verdict: Verdict }
  | { readonly type: "weighing"; readonly failed: number; readonly runs: number }
  | InvestigationStep
  /** Seen once and never again, without a wrong token that would prove it: no finding. */
  | { readonly type: "unconfirmed"; readonly finding: Finding }
  | { readonly type: "finding"; readonly finding: Finding };

export interface CampaignResult {
  readonly status: Status;
  readonly traces: number;
  readonly coverage: Coverage;
  readonly laws: readonly LawTally[];
  readonly findings: readonly Finding[];
}

export async function* campaign(options: CampaignOptions): AsyncGenerator<CampaignEvent, CampaignResult> {
  const { target, description, laws, signal } = options;
  const tallies = new Map(laws.map((law) => [law.id, newTally(law)]));
  const findings: Finding[] = [];
  const known = new Set<string>();
  const deferred = new Map<string, Weighed[]>();
  let total: Coverage = NO_COVERAGE;
  let traces = 0;

  async function* conclude(law: string, failure: Failure): AsyncGenerator<CampaignEvent, void> {
    const finding = yield* investigate(target, description, failure, options.investigation, signal);
    if (finding.anomaly.index !== null || finding.confirmation.failed > 0) {
      known.add(law);
      findings.push(finding);
      yield { type: "finding", finding };
      return;
    }
    const { runs } = finding.confirmation;
    tallies.set(law, takeBack(tallies.get(law)!, `it broke once, but not once more in ${runs} runs`));
    deferred.delete(law);
    yield { type: "unconfirmed", finding };
  }

  for (const trace of options.traces) {
    if (!options.goOn() || findings.length >= options.findings) break;
    signal?.throwIfAborted();
    const run = await runOnce(target, trace, "main", signal);
    traces++;
    total = addCoverage(total, coverage([run]));
    const verdicts = new Map<string, Verdict>();
    for (const law of laws) {
      if (!law.appliesTo(trace)) continue;
      const verdict = judge(law, new Map([["main", run]]));
      verdicts.set(law.id, verdict);
      tallies.set(law.id, tally(tallies.get(law.id)!, verdict));
    }
    yield { type: "ran", run, verdicts, total };

    for (const law of laws) {
      const verdict = verdicts.get(law.id);
      if (verdict?.status !== "fail" || known.has(law.id) || findings.length >= options.findings) continue;
      const failure: Failure = { law, run, witness: verdict.witnesses[0] };
      yield { type: "failure", failure, verdict };
      const weighed = yield* weigh(target, description, failure, signal);
      const waiting = [...(deferred.get(law.id) ?? []), weighed];
      deferred.set(law.id, waiting);
      if (weighed.share < RELIABLE && waiting.length < DEFERRED_MOST) continue;
      yield* conclude(law.id, mostReliable(waiting));
    }
  }
  for (const [law, waiting] of deferred) {
    if (!known.has(law) && findings.length < options.findings) yield* conclude(law, mostReliable(waiting));
  }
  const judged = [...tallies.values()];
  return { status: statusOf(judged), traces, coverage: total, laws: judged, findings };
}

/** A law that applies to no trace, dice on a target that knows no parameters for instance, has no say. */
function statusOf(judged: readonly LawTally[]): Status {
  const applied = judged.filter((t) => t.passed + t.inconclusive + t.failed > 0);
  return applied.length === 0 ? "inconclusive" : joinStatus(applied.map((t) => t.status));
}

/** A failure, and the share of a few more runs that failed as well. */
interface Weighed {
  readonly failure: Failure;
  readonly share: number;
}

/** Runs that tell how reliably a trace fails, before anything is made of it. */
const WEIGHING_RUNS = 5;
/** Runs that show that a trace fails without cancels and one request at a time. */
const CALM_RUNS = 2;
/** From this share on a trace is reduced at once; others wait for a more reliable one. */
const RELIABLE = 0.6;
/** Unreliable traces of one law after which the best of them is taken. */
const DEFERRED_MOST = 4;

function mostReliable(waiting: readonly Weighed[]): Failure {
  return waiting.reduce((best, next) => (next.share > best.share ? next : best)).failure;
}

/**
 * On a server timing decides much: a trace that fails seldom gives a repro that fails seldom. One that fails with one
 * request at a time and no cancels fails always, and is taken in that form.
 */
async function* weigh(
  target: Target,
  description: TargetDescription,
  failure: Failure,
  signal: AbortSignal | undefined,
): AsyncGenerator<CampaignEvent, Weighed> {
  if (description.kind === "lab") return { failure, share: 1 };
  const { law, run } = failure;
  const fails = rerun(target, description, law, signal);
  const calmed = calm(run.trace);
  let still: Failure | null = failure;
  for (let i = 0; i < CALM_RUNS && still !== null; i++) {
    still = await fails(calmed);
    yield { type: "weighing", failed: still ? i + 1 : i, runs: i + 1 };
  }
  if (still !== null) return { failure: still, share: 1 };
  let failed = 0;
  for (let i = 0; i < WEIGHING_RUNS; i++) {
    if ((await fails(run.trace)) !== null) failed++;
    yield { type: "weighing", failed, runs: i + 1 };
  }
  return { failure, share: failed / WEIGHING_RUNS };
}

function newTally(law: Property): LawTally {
  return {
    law,
    passed: 0,
    inconclusive: 0,
    failed: 0,
    unconfirmed: 0,
    reason: "no trace that it applies to ran",
    status: "inconclusive",
  };
}

/** A failure that stays unconfirmed counts as a run that says nothing. */
function takeBack(before: LawTally, reason: string): LawTally {
  const { failed, inconclusive, unconfirmed } = before;
  return withStatus(
    { ...before, failed: failed - 1, inconclusive: inconclusive + 1, unconfirmed: unconfirmed + 1 },
    { status: "inconclusive", reason },
  );
}

function tally(before: LawTally, verdict: Verdict): LawTally {
  const { passed, inconclusive, failed } = before;
  const counts = {
    passed: passed + (verdict.status === "pass" ? 1 : 0),
    inconclusive: inconclusive + (verdict.status === "inconclusive" ? 1 : 0),
    failed: failed + (verdict.status === "fail" ? 1 : 0),
  };
  return withStatus({ ...before, ...counts }, verdict);
}

function withStatus(counts: LawTally, last: Pick<Verdict, "status" | "reason">): LawTally {
  const { failed, unconfirmed, passed } = counts;
  const status: Status = failed > 0 ? "fail" : unconfirmed > 0 || passed === 0 ? "inconclusive" : "pass";
  return { ...counts, status, reason: last.status === status ? last.reason : counts.reason };
}
