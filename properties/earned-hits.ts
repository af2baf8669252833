/**
 * Law: a cache hit is earned.
 *
 * Owns hits on cells that no request with the same prefix, salt and adapter can have left, also where their content
 * happens to be right: a cache that forgets the salt tells one tenant what another has asked.
 *
 * Needs an engine that tells how many tokens of each prompt came from its cache, and caches that were empty at first.
 */

import { contextsOf } from "../src/check/context.ts";
import { unearnedHit } from "../src/check/phantom.ts";
import type { Property, RunSet } from "../src/check/property.ts";
import { fail, inconclusive, pass, type Verdict } from "../src/check/verdict.ts";
import { flushTimes } from "../src/history/outcome.ts";
import { count } from "./wording.ts";

export const earnedHits: Property = {
  id: "earned-hits",
  title: "A cache hit is earned",
  law: "The engine takes no more of a prompt from its cache than a request with the same salt and adapter has put there.",
  needs: ["main"],
  appliesTo: () => true,
  check,
};

function check(runs: RunSet): Verdict {
  const run = runs.get("main")!;
  if (run.history.header.empty !== true) return inconclusive("the caches may have held something when the run began");
  const contexts = contextsOf(run);
  const told = contexts.filter((c) => c.cached !== null);
  if (told.length === 0) return inconclusive("the engine does not tell how many tokens came from its prefix cache");
  const flushes = flushTimes(run.history);
  const witnesses = told.flatMap((context) => {
    const beyond = unearnedHit(context, contexts, flushes);
    if (beyond === null) return [];
    const { held, cached } = beyond;
    const expected = `at most ${count(held, "token")} from the cache`;
    return { request: context.request.id, index: null, expected, observed: count(cached, "token") };
  });
  if (witnesses.length > 0) return fail(`${count(witnesses.length, "hit")} on what nobody had put there`, witnesses);
  const hits = told.filter((c) => c.cached! > 0).length;
  if (hits === 0) return inconclusive("no token came from the prefix cache");
  return pass(`${count(hits, "hit")}, each on a prefix that an earlier request had`);
}
