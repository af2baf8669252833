/** A campaign: run traces against a target, judge each by every law, investigate what breaks one. */

import { calm } from "./check/arms.ts";
import type { Coverage } from "./check/coverage.ts";
import { addCoverage, coverage, NO_COVERAGE } from "./check/coverage.ts";
import { explainWitness } from "./check/explain.ts";
import type { Finding } from "./check/finding.ts";
import { judgeRun, type Property, type Run } from "./check/property.ts";
import { mayBeAnother, signatureOf } from "./check/signature.ts";
import { type CampaignStatus, joinStatus, type Verdict } from "./check/verdict.ts";
import {
  type Failure,
  type InvestigationLimits,
  type InvestigationStep,
  investigate,
  rerun,
  runOnce,
} from "./investigate.ts";
import { endsAlike, type Target, type TargetDescription } from "./target/target.ts";
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
  /** New findings after which the campaign ends. */
  readonly findings: number;
  /** Signatures of failures that are known: they end no campaign and fail no law. */
  readonly known?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
}

/** How one law fared over all traces. */
export interface LawTally {
  readonly law: Property;
  readonly passed: number;
  readonly inconclusive: number;
  readonly failed: number;
  /** Failures that are known; `failed` has the others. */
  readonly known: number;
  /** Of the inconclusive ones: failures that were seen once and never again. */
  readonly unconfirmed: number;
  /** Of the last verdict that says most. */
  readonly reason: string;
  /**
   * `fail` if it failed once, `inconclusive` if that was not confirmed, `known` if that was known. Otherwise `pass` needs
   * one trace in which it could have failed and did not: a trace in which it was vacuous adds nothing, and takes nothing
   * away.
   */
  readonly status: CampaignStatus;
}

export type CampaignEvent =
  | {
      readonly type: "ran";
      readonly run: Run;
      readonly verdicts: ReadonlyMap<string, Verdict>;
      readonly coverage: Coverage;
      /** Of all runs until then. */
      readonly total: Coverage;
    }
  | { readonly type: "failure"; readonly failure: Failure; readonly verdict: Verdict }
  | { readonly type: "weighing"; readonly failed: number; readonly runs: number }
  | InvestigationStep
  /** Seen once and never again, without a wrong token that would prove it: no finding. */
  | { readonly type: "unconfirmed"; readonly finding: Finding }
  | { readonly type: "finding"; readonly finding: Finding; readonly known: boolean }
  /** One more failure that is taken for a known finding, or was reduced to it again. */
  | { readonly type: "recurred"; readonly finding: Finding; readonly times: number };

export interface CampaignResult {
  readonly status: CampaignStatus;
  readonly traces: number;
  readonly coverage: Coverage;
  readonly laws: readonly LawTally[];
  readonly findings: readonly Finding[];
}

export async function* campaign(options: CampaignOptions): AsyncGenerator<CampaignEvent, CampaignResult> {
  const { target, description, laws, signal, known = new Set() } = options;
  const tallies = new Map(laws.map((law) => [law.id, newTally(law)]));
  const findings: Finding[] = [];
  /** Laws with a new finding, which are looked into no further. */
  const broken = new Set<string>();
  /** Known findings, and how often each was seen. */
  const seen = new Map<Finding, number>();
  const deferred = new Map<Property, Weighed[]>();
  let total: Coverage = NO_COVERAGE;
  let traces = 0;
  const enough = () => broken.size >= options.findings;

  const countKnown = (law: Property, failures: number, finding: Finding): void => {
    const reason = `broken as is known: ${signatureOf(finding)}`;
    tallies.set(
      law.id,
      retally(tallies.get(law.id)!, { failed: -failures, known: failures }, { status: "known", reason }),
    );
  };
  const seenAgain = (finding: Finding): CampaignEvent => {
    const times = seen.get(finding)! + 1;
    seen.set(finding, times);
    return { type: "recurred", finding, times };
  };

  async function* conclude(law: Property, waiting: readonly Weighed[]): AsyncGenerator<CampaignEvent, void> {
    const finding = yield* investigate(target, description, mostReliable(waiting), options.investigation, signal);
    deferred.delete(law);
    if (finding.anomaly.index === null && finding.confirmation.failed === 0) {
      const last = {
        status: "inconclusive",
        reason: `it broke once, but not once more in ${finding.confirmation.runs} runs`,
      } as const;
      const moved = { failed: -waiting.length, inconclusive: waiting.length, unconfirmed: waiting.length };
      tallies.set(law.id, retally(tallies.get(law.id)!, moved, last));
      yield { type: "unconfirmed", finding };
      return;
    }
    const isKnown = known.has(signatureOf(finding));
    if (isKnown) {
      countKnown(law, waiting.length, finding);
      const earlier = [...seen.keys()].find((other) => signatureOf(other) === signatureOf(finding));
      if (earlier !== undefined) {
        yield seenAgain(earlier);
        return;
      }
      seen.set(finding, 1);
    } else broken.add(law.id);
    findings.push(finding);
    yield { type: "finding", finding, known: isKnown };
  }

  for (const trace of options.traces) {
    if (!options.goOn() || enough()) break;
    signal?.throwIfAborted();
    const run = await runOnce(target, trace, "main", signal);
    traces++;
    const looked = coverage([run]);
    total = addCoverage(total, looked);
    const verdicts = new Map<string, Verdict>();
    for (const law of laws) {
      if (!law.appliesTo(trace)) continue;
      const verdict = judgeRun(law, run);
      verdicts.set(law.id, verdict);
      tallies.set(law.id, tally(tallies.get(law.id)!, verdict));
    }
    yield { type: "ran", run, verdicts, coverage: looked, total };

    for (const law of laws) {
      const verdict = verdicts.get(law.id);
      if (verdict?.status !== "fail" || broken.has(law.id) || enough()) continue;
      const failure: Failure = { law, run, witness: verdict.witnesses[0] };
      yield { type: "failure", failure, verdict };
      const anomaly = explainWitness(run, failure.witness, description.blockSize);
      const earlier = [...seen.keys()].find((finding) => mayBeAnother(finding, { law, trace, anomaly }));
      if (earlier !== undefined && !isPowerOfTwo(seen.get(earlier)! + 1)) {
        countKnown(law, 1, earlier);
        yield seenAgain(earlier);
        continue;
      }
      const weighed = yield* weigh(target, description, failure, signal);
      const waiting = [...(deferred.get(law) ?? []), weighed];
      deferred.set(law, waiting);
      if (weighed.share < RELIABLE && waiting.length < DEFERRED_MOST) continue;
      yield* conclude(law, waiting);
    }
  }
  for (const [law, waiting] of deferred) {
    if (!broken.has(law.id) && !enough()) yield* conclude(law, waiting);
  }
  const judged = [...tallies.values()];
  return { status: statusOf(judged), traces, coverage: total, laws: judged, findings };
}

/**
 * A failure that looks like a known one is reduced the second, fourth, eighth time only: reducing takes minutes, and
 * never reducing would hide a new one that looks the same.
 */
const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

/** A law that applies to no trace, dice on a target that knows no parameters for instance, has no say. */
function statusOf(judged: readonly LawTally[]): CampaignStatus {
  return joinStatus(judged.filter((t) => t.passed + t.inconclusive + t.failed + t.known > 0).map((t) => t.status));
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
  if (endsAlike(target, description)) return { failure, share: 1 };
  const { law, run } = failure;
  const fails = rerun(target, description, law, signal);
  const calmed = calm(run.trace);
  let still: Failure | null = failure;
  for (let i = 0; i < CALM_RUNS && still !== null; i++) {
    still = await fails(calmed, { run: i + 1 });
    yield { type: "weighing", failed: still ? i + 1 : i, runs: i + 1 };
  }
  if (still !== null) return { failure: still, share: 1 };
  let failed = 0;
  for (let i = 0; i < WEIGHING_RUNS; i++) {
    if ((await fails(run.trace, { run: i + 1 })) !== null) failed++;
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
    known: 0,
    unconfirmed: 0,
    reason: "no trace that it applies to ran",
    status: "inconclusive",
  };
}

const COUNTED = { pass: "passed", inconclusive: "inconclusive", fail: "failed" } as const;

const tally = (before: LawTally, verdict: Verdict): LawTally =>
  retally(before, { [COUNTED[verdict.status]]: 1 }, verdict);

type Counts = Record<"passed" | "inconclusive" | "failed" | "known" | "unconfirmed", number>;

/** The tally with counts added to it, and what was seen last. */
function retally(before: LawTally, added: Partial<Counts>, last: Pick<LawTally, "status" | "reason">): LawTally {
  const sum = (name: keyof Counts) => before[name] + (added[name] ?? 0);
  const counts: Counts = {
    passed: sum("passed"),
    inconclusive: sum("inconclusive"),
    failed: sum("failed"),
    known: sum("known"),
    unconfirmed: sum("unconfirmed"),
  };
  const status = lawStatus(counts);
  return { law: before.law, ...counts, status, reason: last.status === status ? last.reason : before.reason };
}

function lawStatus({ failed, known, passed, unconfirmed }: Counts): CampaignStatus {
  if (failed > 0) return "fail";
  if (unconfirmed > 0 || passed + known === 0) return "inconclusive";
  return known > 0 ? "known" : "pass";
}
