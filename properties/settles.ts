/**
 * Law: every request settles.
 *
 * Owns requests that end in no good way: the engine failed them, or they were still open when the run ended. A request
 * that finished has settled, however short its answer: lengths belong to `same-prompt-same-output`. One that was refused
 * while another had the id that its client gave has settled, too.
 *
 * Does not apply to a trace that kills the server, or that pauses it for good: requests may fail or hang then.
 */

import { refusedAsDuplicate } from "../src/check/duplicate-id.ts";
import { answersOf, type Property, type Run, type RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict, type Witness, whose } from "../src/check/verdict.ts";
import { type Outcome, serverLoss } from "../src/history/outcome.ts";
import { count } from "./wording.ts";

export const settles: Property = {
  id: "settles",
  title: "Every request settles",
  law: "Every request that was sent has finished or was cancelled when the run ends, or was refused since its id was in use.",
  needs: ["main"],
  appliesTo: (trace) => !trace.steps.some((s) => "fault" in s && (s.fault === "kill" || s.forMs === undefined)),
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  if (serverLoss(run.history) !== null) return inconclusive("the server ended: that is for stays-up");
  const outcomes = [...run.outcomes.values()];
  const ended = run.history.events.at(-1)?.e === "end";
  const refused = outcomes.filter((o) => refusedAsDuplicate(run, o));
  const witnesses = outcomes.flatMap((o) => (refused.includes(o) ? [] : (unsettled(run, o, ended) ?? [])));
  if (witnesses.length > 0) return fail(`${count(witnesses.length, "request")} did not settle`, witnesses);
  if (!ended) return inconclusive("the history is cut short: what is open in it may have settled later");
  const unsent = notSent(run);
  if (unsent.length > 0) return inconclusive(`${unsent.join(", ")} of the trace never went out`);
  const finished = outcomes.filter((o) => o.status === "finished").length;
  if (finished === 0) return inconclusive("every request was cancelled: none was left to finish");
  const also = refused.length === 0 ? "" : `, ${refused.length} refused as duplicates`;
  return pass(
    `${count(finished, "request")} finished, ${outcomes.length - finished - refused.length} cancelled${also}`,
  );
}

/** Names the first choice that has not all its tokens: that is the one which hangs. */
function unsettled(run: Run, outcome: Outcome, ended: boolean): Witness | null {
  const { id, status, error } = outcome;
  if (status !== "failed" && !(status === "open" && ended)) return null;
  const answers = answersOf(run, [outcome]);
  const asked = run.requests.get(id)?.maxTokens ?? 0;
  const short = answers.find(({ tokens }) => tokens.length < asked) ?? answers[0]!;
  const got = `after ${count(short.tokens.length, "token")}`;
  const observed = status === "failed" ? `failed ${got}: ${error}` : `still open ${got}`;
  return { ...whose(short), index: null, expected: "finished or cancelled", observed };
}

function notSent(run: Run): string[] {
  return [...run.requests.keys()].filter((id) => !run.outcomes.has(id));
}
