/** A property is a law over what happened. */

import type { Answer, Outcome } from "../history/outcome.ts";
import { answersIn, outcomes } from "../history/outcome.ts";
import type { Arm, History } from "../history/schema.ts";
import type { ResolvedRequest } from "../trace/prompt.ts";
import { resolveRequests } from "../trace/prompt.ts";
import type { Trace } from "../trace/schema.ts";
import { inconclusive, type Verdict } from "./verdict.ts";

/** One execution, with what each request asked and what became of it. */
export interface Run {
  readonly trace: Trace;
  readonly history: History;
  readonly requests: ReadonlyMap<string, ResolvedRequest>;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** The last lines that the server had written when the run ended; not there for a run from a saved history. */
  readonly log?: readonly string[];
}

/** The executions a property asked for, by arm. */
export type RunSet = ReadonlyMap<Arm, Run>;

export interface Property {
  readonly id: string;
  readonly title: string;
  /** One sentence a reader can check by hand. */
  readonly law: string;
  readonly needs: readonly Arm[];
  appliesTo(trace: Trace): boolean;
  check(runs: RunSet): Verdict;
}

export function toRun(trace: Trace, history: History): Run {
  return { trace, history, requests: resolveRequests(trace), outcomes: outcomes(history) };
}

/** Every choice of these outcomes, in order of sending; of all, if left out. */
export function answersOf({ outcomes: all, requests }: Run, among: Iterable<Outcome> = all.values()): Answer[] {
  return [...among].flatMap((outcome) => answersIn(outcome, requests.get(outcome.id)?.choices ?? 1));
}

/** Checks one property; a check that throws is inconclusive with its error, never a pass. */
export function judge(property: Property, runs: RunSet): Verdict {
  const missing = property.needs.filter((arm) => !runs.has(arm));
  if (missing.length > 0) return inconclusive(`needs the arm ${missing.join(", ")}, which did not run`);
  const late = [...runs.values()].map(lateness).find((text) => text !== null);
  try {
    const verdict = property.check(runs);
    return late && verdict.status === "pass" ? inconclusive(late) : verdict;
  } catch (error) {
    return inconclusive(`the check itself failed: ${(error as Error).message}`);
  }
}

/** The same of a run that no arm stands beside. */
export const judgeRun = (property: Property, run: Run): Verdict => judge(property, new Map([["main", run]]));

function lateness(run: Run): string | null {
  const end = run.history.events.at(-1);
  if (end?.e !== "end") return "the history is cut short";
  const tolerance = run.trace.toleranceMs;
  if (tolerance === undefined || end.latenessMax <= tolerance * 1000) return null;
  return `Crosstalk itself was up to ${(end.latenessMax / 1000).toFixed(1)} ms late, more than the trace's ${tolerance} ms`;
}
