import { answersOf, type Run, toRun } from "../../check/property.ts";
import { answerName, whose } from "../../check/verdict.ts";
import type { History } from "../../history/schema.ts";
import { expectedTokens } from "../../trace/prompt.ts";
import type { Trace } from "../../trace/schema.ts";
import { type LabTargetOptions, labTarget } from "../target.ts";

/** Runs a trace on a fresh lab. */
export async function runOnLab(trace: Trace, options: Omit<LabTargetOptions, "model"> = {}): Promise<Run> {
  const history = await labTarget({ ...options, model: "symbols" }).execute(trace, { arm: "main" });
  return toRun(trace, history);
}

/** What is wrong with each answer, in words; empty for an exact run. */
export function mistakes(run: Run): string[] {
  return answersOf(run).flatMap((answer) => {
    const { status, tokens, error } = answer;
    const id = answerName(whose(answer));
    const request = run.requests.get(answer.id)!;
    const expected = expectedTokens(request);
    const wrong = tokens.findIndex((token, i) => token !== expected[i]);
    if (wrong !== -1) return `${id} is wrong at ${wrong} (${status})`;
    if (status === "open") return `${id} never settles`;
    if (status === "failed") return `${id} failed: ${error}`;
    return status === "finished" && tokens.length !== expected.length ? `${id} ends after ${tokens.length}` : [];
  });
}

/** The counters of a run's `metrics` event. */
export function countersOf(history: History): Readonly<Record<string, number>> {
  const metrics = history.events.find((event) => event.e === "metrics");
  return metrics?.e === "metrics" ? metrics.counters : {};
}
