/**
 * Law: the server stays up.
 *
 * Owns servers that end while a trace runs that does not ask them to: what ended one request ended everybody's. The
 * requests that failed with it belong to this law, not to `settles`.
 */

import type { Property, Run, RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict } from "../src/check/verdict.ts";
import { serverLoss } from "../src/history/outcome.ts";
import { count } from "./wording.ts";

export const staysUp: Property = {
  id: "stays-up",
  title: "The server stays up",
  law: "A server that is not killed answers until the run ends.",
  needs: ["main"],
  appliesTo: (trace) => !trace.steps.some((s) => "fault" in s && s.fault === "kill"),
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  const loss = serverLoss(run.history);
  if (loss === null) {
    if (run.history.events.at(-1)?.e !== "end") return inconclusive("the history is cut short");
    return pass(`the server answered ${count(run.outcomes.size, "request")} and was there at the end`);
  }
  const witness = { request: suspect(run), index: null, expected: "a server that answers", observed: loss.how };
  return fail(`the server ended ${loss.how}`, [witness]);
}

/** The request that was sent last of those that had not ended before the server did. */
function suspect({ outcomes, requests }: Run): string {
  const sent = [...outcomes.values()];
  const last = sent.findLast((o) => o.status === "failed" || o.status === "open") ?? sent.at(-1);
  return last?.id ?? [...requests.keys()][0]!;
}
