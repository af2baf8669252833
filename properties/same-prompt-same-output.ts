/**
 * Law: the same prompt gets the same whole answer.
 *
 * Owns the shape of a finished answer: its length and its finish reason. The tracer fixes the length before the run
 * (`maxTokens` tokens, no stop token), so a prompt that was asked only once still has a twin to be compared with: the
 * answer it was promised. That makes this the law that a lost tail, a surplus token, a choice that never came or a
 * leaked stop condition breaks, and no other. The choices of a request are twins. It also compares the tokens of twins, which a tracer's run decides by `own-cells-only` already.
 *
 * A pass needs twins that were in the server at the same time.
 */

import { answersOf, type Property, type Run, type RunSet } from "../src/check/property.ts";
import { answerName, fail, inconclusive, pass, type Verdict, type Witness, whose } from "../src/check/verdict.ts";
import type { Answer } from "../src/history/outcome.ts";
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

/** A choice of a finished request with what that asked. */
interface Twin {
  readonly request: ResolvedRequest;
  readonly answer: Answer;
}

function check(runs: RunSet): Verdict {
  const groups = twins(runs.get("main")!);
  const witnesses = groups.flatMap(differences);
  if (witnesses.length > 0) return fail(`${count(witnesses.length, "answer")} unlike what the prompt gets`, witnesses);
  const concurrent = groups.filter(overlap).length;
  if (concurrent === 0) return inconclusive("no two requests with the same prompt were in the server at the same time");
  return pass(`${count(concurrent, "prompt")} asked several times at once got one answer each`);
}

/** Answers of finished requests by prompt, adapter, token limit and penalties, each group in order of sending. */
function twins(run: Run): Twin[][] {
  const groups = new Map<string, Twin[]>();
  for (const answer of answersOf(run)) {
    const request = run.requests.get(answer.id);
    if (!request || answer.status !== "finished") continue;
    const { adapter, maxTokens, penalties, prompt } = request;
    const key = `${JSON.stringify([adapter, maxTokens, penalties])}: ${prompt.join(" ")}`;
    const group = groups.get(key);
    if (group) group.push({ request, answer });
    else groups.set(key, [{ request, answer }]);
  }
  return [...groups.values()];
}

function differences(group: readonly Twin[]): Witness[] {
  const complete = group.filter((a) => a.answer.tokens.length === a.request.maxTokens);
  const reference = complete.find(isRight) ?? complete[0];
  return group.flatMap((twin) => {
    const difference = unasked(twin) ?? wrongLength(twin) ?? (reference ? unlike(twin.answer, reference.answer) : null);
    return difference ?? [];
  });
}

/** The twin that others are measured by: the tracer knows which of two answers is the right one. */
function isRight({ request, answer }: Twin): boolean {
  const expected = expectedTokens(request);
  return answer.reason === "length" && answer.tokens.every((token, i) => token === expected[i]);
}

/** A choice more than were asked for. */
function unasked({ request: { choices }, answer }: Twin): Witness | null {
  if (answer.choice < choices) return null;
  return { ...whose(answer), index: null, expected: count(choices, "choice"), observed: `choice ${answer.choice}` };
}

function wrongLength({ request, answer }: Twin): Witness | null {
  const { tokens, reason } = answer;
  const { maxTokens } = request;
  if (tokens.length === maxTokens) return null;
  const end = `the end of the answer (${reason})`;
  const index = Math.min(tokens.length, maxTokens);
  return tokens.length < maxTokens
    ? { ...whose(answer), index, expected: tokenName(expectedTokens(request)[index]!), observed: end }
    : { ...whose(answer), index, expected: end, observed: tokenName(tokens[index]!) };
}

function unlike(one: Answer, reference: Answer): Witness | null {
  const like = answerName(whose(reference));
  const index = one.tokens.findIndex((token, i) => token !== reference.tokens[i]);
  if (index >= 0) {
    return {
      ...whose(one),
      index,
      expected: `${tokenName(reference.tokens[index]!)}, as ${like}`,
      observed: tokenName(one.tokens[index]!),
    };
  }
  if (one.reason === reference.reason) return null;
  return {
    ...whose(one),
    index: null,
    expected: `finish reason ${reference.reason}, as ${like}`,
    observed: `finish reason ${one.reason}`,
  };
}

/** Whether two of a group, in order of sending, were in the server at the same time. */
function overlap(group: readonly Twin[]): boolean {
  let settled = Number.NEGATIVE_INFINITY;
  for (const { answer } of group) {
    if (answer.sentAt < settled) return true;
    settled = Math.max(settled, answer.settledAt ?? Number.POSITIVE_INFINITY);
  }
  return false;
}
