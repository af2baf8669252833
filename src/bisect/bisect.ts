/** The version in which a trace began to fail, though it may fail only sometimes and some versions do not start. */

import { judgeRun, type Property } from "../check/property.ts";
import { cleanRunsNeeded, rate } from "../check/statistics.ts";
import { CrosstalkError } from "../errors.ts";
import { runOnce } from "../investigate.ts";
import type { Target, TargetDescription } from "../target/target.ts";
import type { Trace } from "../trace/schema.ts";
import { search, type VersionState } from "./search.ts";

export interface BisectOptions {
  readonly trace: Trace;
  /** Oldest first. */
  readonly versions: readonly string[];
  /** Builds a version, if it needs that, and makes it a target that is not started yet. */
  readonly open: (version: string) => Promise<Target>;
  readonly laws: (description: TargetDescription) => readonly Property[];
  /** Most runs of the trace on one version. */
  readonly runs: number;
  readonly signal?: AbortSignal;
}

/** What the runs on one version came to. */
export interface Tested {
  readonly version: string;
  readonly state: VersionState;
  readonly failed: number;
  readonly runs: number;
  /** Why it could not be tested; empty where it could. */
  readonly reason: string;
}

export type BisectEvent =
  | { readonly type: "testing"; readonly version: string; readonly failed: number; readonly runs: number }
  | { readonly type: "tested"; readonly tested: Tested };

export interface Bisected {
  readonly firstBad: string;
  readonly lastGood: string;
  /** Versions between the two that could not be tested: each of them may be the first bad one. */
  readonly untestable: readonly string[];
  /** Laws that the youngest version breaks: a version that breaks none of them is good. */
  readonly laws: readonly string[];
  /** Clean runs after which a version counts as good. */
  readonly cleanRuns: number;
  /** Chance that so many runs of a version that is as bad as the youngest are all clean. */
  readonly error: number;
}

/** Failures of the youngest version that its rate is taken from. */
const FAILURES = 3;
/** Wanted for a version that is called good. */
const CONFIDENCE = 0.99;

/**
 * A run that breaks the law is proof: one is enough to call a version bad. Good is one that stays clean for so long that a
 * version as bad as the youngest would have failed.
 * @throws CrosstalkError NOTHING_TO_BISECT where the youngest version does not fail, or the oldest does
 */
export async function* bisect(options: BisectOptions): AsyncGenerator<BisectEvent, Bisected> {
  const { versions, runs } = options;
  const [oldest, youngest] = [versions[0]!, versions.at(-1)!];
  const bad = yield* testVersion(options, youngest, FAILURES, runs, null);
  if (bad.state !== "bad") {
    throw new CrosstalkError(
      "NOTHING_TO_BISECT",
      bad.state === "good"
        ? `the trace did not fail in ${bad.runs} runs on ${youngest}, the last of the versions`
        : `${youngest}, the last of the versions, could not be tested: ${bad.reason}`,
      "The last version has to fail. Give the oldest first, and more --runs for a failure that is rare.",
    );
  }
  const { low } = rate(bad.failed, bad.runs);
  const cleanRuns = Math.min(runs, cleanRunsNeeded(low, CONFIDENCE));
  const good = yield* testVersion(options, oldest, 1, cleanRuns, bad.laws);
  if (good.state !== "good") {
    throw new CrosstalkError(
      "NOTHING_TO_BISECT",
      good.state === "bad"
        ? `the trace fails on ${oldest} already, the first of the versions`
        : `${oldest}, the first of the versions, could not be tested: ${good.reason}`,
      "Begin with an older version, one that is clean.",
    );
  }
  const states = versions.map((_, i): VersionState | null =>
    i === 0 ? "good" : i === versions.length - 1 ? "bad" : null,
  );
  let at = search(states);
  for (; at.next !== null; at = search(states)) {
    states[at.next] = (yield* testVersion(options, versions[at.next]!, 1, cleanRuns, bad.laws)).state;
  }
  return {
    firstBad: versions[at.firstBad]!,
    lastGood: versions[at.lastGood]!,
    untestable: versions.slice(at.lastGood + 1, at.firstBad),
    laws: bad.laws,
    cleanRuns,
    error: (1 - low) ** cleanRuns,
  };
}

/**
 * Runs the trace on a version until it has failed `failures` times or ran `most` times.
 * @param laws the only ones that count; null for all
 */
async function* testVersion(
  { trace, open, laws, signal }: BisectOptions,
  version: string,
  failures: number,
  most: number,
  counted: readonly string[] | null,
): AsyncGenerator<BisectEvent, Tested & { readonly laws: readonly string[] }> {
  let [failed, runs] = [0, 0];
  let reason = "";
  const broken = new Set<string>();
  let target: Target | null = null;
  try {
    target = await open(version);
    const description = await target.start();
    const judged = laws(description).filter((law) => law.appliesTo(trace) && (counted?.includes(law.id) ?? true));
    while (failed < failures && runs < most) {
      if (description.isolation === "restart" && runs > 0) await target.restart();
      const run = await runOnce(target, trace, "main", signal, runs + 1);
      const failing = judged.filter((law) => judgeRun(law, run).status === "fail");
      for (const law of failing) broken.add(law.id);
      if (failing.length > 0) failed++;
      runs++;
      yield { type: "testing", version, failed, runs };
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof CrosstalkError)) throw error;
    reason = error.message;
  } finally {
    await target?.stop();
  }
  const state = failed > 0 ? "bad" : reason === "" ? "good" : "untestable";
  const tested: Tested = { version, state, failed, runs, reason };
  yield { type: "tested", tested };
  return { ...tested, laws: [...broken] };
}
