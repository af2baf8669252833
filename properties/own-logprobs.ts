/**
 * Law: log-probabilities are those of the row that they come with.
 *
 * Owns right tokens that come with another row's log-probabilities. Wrong tokens belong to other laws, and dice have no
 * token that leads by enough.
 *
 * A pass needs a right token that came with the likeliest other one, of a request that another was sent before or beside.
 */

import { isStrange, toldLogprobs } from "../src/check/logprobs.ts";
import { answersOf, type Property, type RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict, whose } from "../src/check/verdict.ts";
import type { Answer } from "../src/history/outcome.ts";
import type { Logprob } from "../src/history/schema.ts";
import { isSend, type SendStep } from "../src/trace/schema.ts";
import { tokenName } from "../src/tracer/vocabulary.ts";
import { requestsIn } from "./answer.ts";
import { count } from "./wording.ts";

export const ownLogprobs: Property = {
  id: "own-logprobs",
  title: "Log-probabilities are those of their own row",
  law: "A right token, dice aside, comes with a log-probability of 0, and with none above -10 for another token.",
  needs: ["main"],
  // With 0 an engine names no other token, and an own one is likely in every row.
  appliesTo: (trace) => trace.steps.some((s) => isSend(s) && (s.logprobs ?? 0) > 0 && !throwsDice(s)),
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  const told = answersOf(run).flatMap((answer) => {
    const request = run.requests.get(answer.id);
    return request ? toldLogprobs(request, answer).map((at) => ({ answer, ...at })) : [];
  });
  const strange = Map.groupBy(
    told.filter((at) => isStrange(at.told)),
    (at) => at.answer,
  );
  if (strange.size > 0) {
    const witnesses = Array.from(strange, ([answer, [first]]) => {
      const { index, told } = first!;
      const token = tokenName(answer.tokens[index]!);
      return { ...whose(answer), index, expected: `${token} at 0.0 nats`, observed: inWords(token, told) };
    });
    return fail(`${count(requestsIn(witnesses), "request")} got log-probabilities of another row`, witnesses);
  }
  const sentAt = [...run.outcomes.values()].map((outcome) => outcome.sentAt).sort((a, b) => a - b);
  const beside = ({ tokenTimes }: Answer) => sentAt[1] !== undefined && sentAt[1] < tokenTimes.at(-1)!;
  const proof = told.filter((at) => at.told.rival !== undefined && beside(at.answer));
  if (proof.length === 0)
    return inconclusive("no token came with the likeliest other one, beside or after another request");
  return pass(`${count(proof.length, "token")} came with log-probabilities of their own`);
}

const throwsDice = ({ prompt }: SendStep): boolean => {
  const last = prompt.at(-1)!;
  return "read" in last && last.read === "dice";
};

function inWords(token: string, { own, rival }: Logprob): string {
  const other = rival === undefined ? "" : `, ${tokenName(rival.id)} at ${rival.logprob.toFixed(1)}`;
  return `${token} at ${own.toFixed(1)} nats${other}`;
}
