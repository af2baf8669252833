/**
 * Law: what a cancelled request got is a beginning of its answer.
 *
 * Owns every wrong token of a cancelled request. How many tokens arrive before a cancel is chance and no concern here.
 * Compared over the delivered prefix only: how far twins got differs from run to run and says nothing.
 */

import { answersOf, type Property, type RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict } from "../src/check/verdict.ts";
import { isCancel } from "../src/trace/schema.ts";
import { requestsIn, wrongTokens } from "./answer.ts";
import { count } from "./wording.ts";

export const cancelledPrefix: Property = {
  id: "cancelled-prefix",
  title: "A cancelled request got a beginning of its answer",
  law: "The tokens delivered to a cancelled request are the first tokens of the answer that its prompt determines.",
  needs: ["main"],
  appliesTo: (trace) => trace.steps.some(isCancel),
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  const cancelled = answersOf(run).filter((o) => o.status === "cancelled" && o.tokens.length > 0);
  const wrong = wrongTokens(run, cancelled);
  if (wrong.length > 0) return fail(`${count(requestsIn(wrong), "cancelled request")} got a wrong token`, wrong);
  if (cancelled.length === 0) return inconclusive("no cancelled request had a token before its cancel");
  const tokens = cancelled.reduce((sum, o) => sum + o.tokens.length, 0);
  return pass(
    `${count(tokens, "token")} of ${count(new Set(cancelled.map((o) => o.id)).size, "cancelled request")} are right`,
  );
}
