/**
 * Law: a request reads its own cells only.
 *
 * Owns every wrong token of a request that was not cancelled, whether it finished, failed later or hung. Tokens of
 * cancelled requests belong to `cancelled-prefix`, missing and surplus tokens to `same-prompt-same-output`. Dice look at
 * no cell: of their tokens alarms belong here, all others to `own-parameters`.
 *
 * A right answer proves something only where a wrong one was possible, so a pass also needs
 * - a token from the prefix cache, if the trace plans to share prefixes;
 * - a cancel that landed, if the trace has cancels;
 * - a cell that was read after a risky event, or, of an engine that counts evictions, preemptions, loads or transfers
 *   without telling when they happened, a count above zero.
 */

import { type Coverage, coverage } from "../src/check/coverage.ts";
import { answersOf, type Property, type Run, type RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict } from "../src/check/verdict.ts";
import type { Outcome } from "../src/history/outcome.ts";
import { isCancel } from "../src/trace/schema.ts";
import { requestsIn, throwsDice, wrongTokens } from "./answer.ts";
import { count } from "./wording.ts";

export const ownCellsOnly: Property = {
  id: "own-cells-only",
  title: "A request reads its own cells only",
  law: "Every token of a request that was not cancelled is the one that its own prompt determines, dice aside.",
  needs: ["main"],
  appliesTo: () => true,
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  const answers = answersOf(run).filter((o) => o.status !== "cancelled");
  const wrong = wrongTokens(run, answers, "cells");
  if (wrong.length > 0) return fail(`${count(requestsIn(wrong), "request")} read cells that are not theirs`, wrong);
  const tokens = answers.reduce((sum, o) => sum + (readsCells(run, o) ? o.tokens.length : 0), 0);
  if (tokens === 0) return inconclusive("no token arrived");
  const seen = coverage([run]);
  const blind = couldNotFail(run, seen);
  if (blind !== null) return inconclusive(blind);
  const { read, readAfterRisk } = seen.cells;
  return pass(`${count(tokens, "token")} read ${count(read, "cell")}, ${readAfterRisk} of them after a risky event`);
}

/** Dice look at no cell, but under a nonce they test all keys; a grammar hides what any read sees. */
function readsCells(run: Run, outcome: Outcome): boolean {
  const { grammar, nonce } = run.requests.get(outcome.id)!;
  return !grammar && (!throwsDice(run, outcome) || nonce !== null);
}

/** Why the run could not have shown a violation; null if it could. */
function couldNotFail(run: Run, seen: Coverage): string | null {
  if (seen.prefixHitTokens === 0 && sharesPrefixes(run)) {
    const silent = [...run.outcomes.values()].every((o) => o.cached === null);
    return silent
      ? "the engine does not tell how many tokens came from its prefix cache"
      : "no token came from the prefix cache, although prompts share prefixes";
  }
  const planned = run.trace.steps.filter(isCancel).length;
  if (planned > 0 && seen.cancels === 0) return `none of ${count(planned, "cancel")} landed: each came too late`;
  if (seen.cells.readAfterRisk > 0) return null;
  const counted = seen.evictions + seen.preemptions + seen.loads + seen.transfers;
  const dated = run.history.events.some((event) => event.e === "cache");
  if (counted > 0 && !dated) return null;
  return "no cell was read after a risky event: no cancel, eviction, preemption, load or transfer came before a read";
}

/** Whether two requests that may use the cache begin with the same block, so that a hit is to be expected. */
function sharesPrefixes(run: Run): boolean {
  // Shorter runs than 16 tokens are equal by chance, or are not reused.
  const block = Math.max(16, run.trace.needs?.blockSize ?? 1);
  const seen = new Set<string>();
  for (const { prompt, cache } of run.requests.values()) {
    if (!cache || prompt.length <= block) continue;
    const start = prompt.subarray(0, block).join(" ");
    if (seen.has(start)) return true;
    seen.add(start);
  }
  return false;
}
