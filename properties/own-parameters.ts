/**
 * Law: a request is sampled with its own parameters only.
 *
 * Owns every wrong token of a dice read that was not cancelled, but for alarms: those are about cells. Any other read
 * leads by too many nats for a parameter to show.
 *
 * A pass needs a request that asked for other parameters than the dice, and was sent before their last token.
 */

import { answersOf, type Property, type Run, type RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict } from "../src/check/verdict.ts";
import type { Outcome } from "../src/history/outcome.ts";
import { optionsIn } from "../src/trace/options.ts";
import { isSend, type SendStep } from "../src/trace/schema.ts";
import { requestsIn, throwsDice, wrongTokens } from "./answer.ts";
import { count } from "./wording.ts";

export const ownParameters: Property = {
  id: "own-parameters",
  title: "A request is sampled with its own parameters only",
  law: "Every token of a dice read that was not cancelled is the rung that its own ladder and its own sampling parameters lead to.",
  needs: ["main"],
  appliesTo: (trace) => trace.steps.some((s) => isSend(s) && s.prompt.some((p) => "read" in p && p.read === "dice")),
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  const dice = answersOf(run).filter((o) => o.status !== "cancelled" && throwsDice(run, o));
  const wrong = wrongTokens(run, dice, "parameters");
  if (wrong.length > 0)
    return fail(`${count(requestsIn(wrong), "request")} sampled with parameters not their own`, wrong);
  const tried = dice.filter((o) => o.tokens.length > 0 && besideOthers(run, o));
  if (tried.length === 0) return inconclusive("no dice were thrown beside or after a request with other parameters");
  const tokens = tried.reduce((sum, o) => sum + o.tokens.length, 0);
  return pass(`${count(tokens, "token")} of dice fell as they should beside or after requests with other parameters`);
}

/** Whether a request with other parameters was sent before its last token: its row may have been the other's. */
function besideOthers(run: Run, { id, tokenTimes }: Outcome): boolean {
  const sends = run.trace.steps.filter(isSend);
  const own = parametersOf(sends.find((s) => s.send === id)!);
  return sends.some((s) => {
    const other = run.outcomes.get(s.send);
    return other !== undefined && other.sentAt < tokenTimes.at(-1)! && parametersOf(s) !== own;
  });
}

const parametersOf = (step: SendStep): string => JSON.stringify(optionsIn(step).map((o) => [o, step[o]]));
