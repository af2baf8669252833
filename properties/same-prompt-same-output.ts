/**
 * Law: the same prompt gets the same whole answer.
 *
 * Owns the shape of a finished answer: its length and its finish reason. The tracer fixes the length before the run
 * (`maxTokens` tokens, no stop token), so a prompt that was asked only once still has a twin to be compared with: the
 * answer it was promised. That makes this the law that a lost tail, a surplus token or a leaked stop condition breaks,
 * and no other. It also compares the tokens of twins, which a tracer's run decides by `own-cells-only` already.
 *
 * A pass needs twins that were in the server at the same time.
 */

import type { Property, Run, RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict, type Witness } from "../src/check/verdict.ts";
import type { Outcome } from "../src/history/outcome.ts";
import { expectedTokens, type ResolvedRequest } from "../src/trace/prompt.ts";
import { tokenName } from "../src/tracer/vocabulary.ts";
import { count } from "./wording.ts";

export const samePromptSameOutput: Property = {
  id: "same-prompt-same-output",
  title: "The same prompt gets the same whole answer",
  law: "Finished requests with the same prompt, adapter, token limit and penalties have the same tokens, as many as were asked for, and the same finish reason.",
  needs: ["main"],
  appliesTo: () => true,
  check,
};

/** A finished request with what it asked. */
interface Answer {
  readonly request: ResolvedRequest;
  readonly outcome: Outcome;
}

function check(runs: RunSet): Verdict {
  const groups = twins(runs.get("main")!);
  const witnesses = groups.flatMap(differences);
  if (witnesses.length > 0) return fail(`${count(witnesses.length, "answer")} unlike what the prompt gets`, witnesses);
  const concurrent = groups.filter(overlap).length;
  if (concurrent === 0) return inconclusive("no two requests with the same prompt were in the server at the same time");
  return pass(`${count(concurrent, "prompt")} asked several times at once got one answer each`);
}

/** Finished requests by prompt, adapter, token limit and penalties, each group in order of sending. */
function twins(run: Run): Answer[][] {
  const groups = new Map<string, Answer[]>();
  for (const outcome of run.outcomes.values()) {
    const request = run.requests.get(outcome.id);
    if (!request || outcome.status !== "finished") continue;
    const { adapter, maxTokens, penalties, prompt } = request;
    const key = `${JSON.stringify([adapter, maxTokens, penalties])}: ${prompt.join(" ")}`;
    const group = groups.get(key);
    if (group) group.push({ request, outcome });
    else groups.set(key, [{ request, outcome }]);
  }
  return [...groups.values()];
}

function differences(group: readonly Answer[]): Witness[] {
  const complete = group.filter((a) => a.outcome.tokens.length === a.request.maxTokens);
  const reference = complete.find(isRight) ?? complete[0];
  return group.flatMap((answer) => {
    const difference = wrongLength(answer) ?? (reference ? unlike(answer.outcome, reference.outcome) : null);
    return difference ?? [];
  });
}

/** The twin that others are measured by: the tracer knows which of two answers is the right one. */
function isRight({ request, outcome }: Answer): boolean {
  const expected = expectedTokens(request);
  return outcome.reason === "length" && outcome.tokens.every((token, i) => token === expected[i]);
}

function wrongLength({ request, outcome }: Answer): Witness | null {
  const { id, tokens, reason } = outcome;
  const { maxTokens } = request;
  if (tokens.length === maxTokens) return null;
  const end = `the end of the answer (${reason})`;
  const index = Math.min(tokens.length, maxTokens);
  return tokens.length < maxTokens
    ? { request: id, index, expected: tokenName(expectedTokens(request)[index]!), observed: end }
    : { request: id, index, expected: end, observed: tokenName(tokens[index]!) };
}

function unlike(one: Outcome, reference: Outcome): Witness | null {
  const index = one.tokens.findIndex((token, i) => token !== reference.tokens[i]);
  if (index >= 0) {
    return {
      request: one.id,
      index,
      expected: `${tokenName(reference.tokens[index]!)}, as ${reference.id}`,
      observed: tokenName(one.tokens[index]!),
    };
  }
  if (one.reason === reference.reason) return null;
  return {
    request: one.id,
    index: null,
    expected: `finish reason ${reference.reason}, as ${reference.id}`,
    observed: `finish reason ${one.reason}`,
  };
}

/** Whether two of a group, in order of sending, were in the server at the same time. */
function overlap(group: readonly Answer[]): boolean {
  let settled = Number.NEGATIVE_INFINITY;
  for (const { outcome } of group) {
    if (outcome.sentAt < settled) return true;
    settled = Math.max(settled, outcome.settledAt ?? Number.POSITIVE_INFINITY);
  }
  return false;
}
