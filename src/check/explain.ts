/** From a law's witness to an anomaly that a person understands. */

import type { Outcome } from "../history/outcome.ts";
import { formatPrompt } from "../trace/print.ts";
import { expectedTokens } from "../trace/prompt.ts";
import { tokenKind, tokenName } from "../tracer/vocabulary.ts";
import { askedPosition, contextsOf, placeOf, wrongRun } from "./context.ts";
import type { Anomaly, CellOrigin } from "./finding.ts";
import type { Run } from "./property.ts";
import { provenance } from "./provenance.ts";
import type { Witness } from "./verdict.ts";

const EVIDENCE_TOKENS = 8;

/** @param blockSize cells a block, to say which block a position lies in; 1 where the engine has no blocks */
export function explainWitness(run: Run, witness: Witness, blockSize: number): Anomaly {
  const outcome = run.outcomes.get(witness.request)!;
  const { maxTokens } = run.requests.get(witness.request)!;
  const wrong = witness.index !== null && witness.index < Math.min(outcome.tokens.length, maxTokens);
  if (wrong) return wrongToken(run, outcome, witness.index!, blockSize);
  const whole = outcome.status === "finished" && outcome.tokens.length >= maxTokens;
  return whole ? wrongEnd(witness, outcome) : missing(run, witness, outcome);
}

/** All tokens are there, and then more of them, or another finish reason than twins got. */
function wrongEnd(witness: Witness, outcome: Outcome): Anomaly {
  const { expected, observed } = witness;
  return {
    class: "unexplained",
    request: outcome.id,
    index: witness.index,
    expected: [expected],
    observed: [observed],
    position: null,
    origins: [],
    explanation: `${outcome.id} ended otherwise than it should: expected ${expected}, got ${observed}. No cell tells why.`,
  };
}

function missing(run: Run, witness: Witness, outcome: Outcome): Anomaly {
  const lost = outcome.status === "finished";
  const request = run.requests.get(witness.request)!;
  const got = `${outcome.tokens.length} of ${request.maxTokens} tokens`;
  const end = outcome.error ? `failed with "${outcome.error}"` : "was still open when the run ended";
  const explanation = lost
    ? `${outcome.id} finished with ${got}: the rest of its answer is lost.`
    : `${outcome.id} did not settle: after ${got} it ${end}.`;
  return {
    class: lost ? "lost tail" : "unsettled request",
    request: witness.request,
    index: lost ? outcome.tokens.length : null,
    expected: [witness.expected],
    observed: [witness.observed],
    position: null,
    origins: [],
    explanation,
  };
}

function wrongToken(run: Run, outcome: Outcome, index: number, blockSize: number): Anomaly {
  const contexts = contextsOf(run);
  const victim = contexts.find((c) => c.request.id === outcome.id)!;
  const { request } = victim;
  const at = outcome.tokenTimes[index]!;
  const source = provenance(victim, index, at, contexts);
  const observed = wrongRun(request, outcome.tokens, index, EVIDENCE_TOKENS);
  const expected = [...expectedTokens(request)].slice(index, index + observed.length);
  const position = askedPosition(request, index);
  const names = (ids: readonly number[]) => ids.map(tokenName);

  const block = (p: number) => (blockSize > 1 ? `position ${p} (block ${Math.floor(p / blockSize)})` : `position ${p}`);
  const asked =
    position === null
      ? `${outcome.id} scanned its own ${cells(request.turns.at(-1)!.start)} (${formatPrompt(request.parts)}) and should have answered ${tokenName(expected[0]!)}`
      : `${outcome.id} asked for its own cell at ${block(position)}, which is ${placeOf(request, position)}, and should have got ${tokenName(expected[0]!)}`;
  const got = `answer ${index} is ${tokenName(observed[0]!)} instead`;
  const alarm = tokenKind(observed[0]!);
  const evidence =
    alarm.kind === "err"
      ? `That is the alarm of layer ${alarm.layer}: a key of its context does not carry the marks of ${outcome.id}, so it is another prompt's or was never written. Whose, an alarm does not tell.`
      : whose(source.class, source.origins, observed.length, position === null);
  const sentences = [`${asked}; ${got}.`, evidence];
  const before = justBefore(run, outcome, source.origins, at);
  if (before !== "") sentences.push(before);
  return {
    class: source.class,
    request: outcome.id,
    index,
    expected: names(expected),
    observed: names(observed),
    position,
    origins: source.origins,
    explanation: sentences.join(" "),
  };
}

const cells = (n: number): string => `${n} ${n === 1 ? "cell" : "cells"}`;

function whose(kind: Anomaly["class"], origins: readonly CellOrigin[], tokens: number, scan: boolean): string {
  const run = tokens > 1 && !scan ? `These ${tokens} tokens in a row are` : "That is";
  const places = [...new Set(origins.map((o) => `${o.place} of ${o.request}`))];
  const named = places.slice(0, 4).join(", or ") + (places.length > 4 ? `, or ${places.length - 4} more` : "");
  const certainty = places.length > 1 ? " The evidence does not tell these apart." : "";
  switch (kind) {
    case "unexplained":
      return "No request of this run held such a cell, so the evidence does not say where it came from.";
    case "unwritten read":
      return "The digits that differ are zero: the cell, or some layers of it, was not written when it was read.";
    case "shifted read":
      return `${run} its own ${named}: the right request, the wrong position.${certainty}`;
    case "torn read":
      return `Some layers of the cell are its own and the others are ${named}.${certainty}`;
    case "row swap":
      return `${run} what ${named} should be: the answer of another row.${certainty}`;
    default:
      return scan
        ? `That digit is in no cell of its own context; it is in cells like ${named}.${certainty}`
        : `${run} ${named}.${certainty}`;
  }
}

/** What happened to the owners shortly before the wrong token. */
function justBefore(run: Run, victim: Outcome, origins: readonly CellOrigin[], at: number): string {
  const owners = new Set(origins.map((o) => o.request));
  const milliseconds = (t: number) => `${(t / 1000).toFixed(1)} ms`;
  const relative = (t: number) =>
    t <= victim.sentAt
      ? `${milliseconds(victim.sentAt - t)} before ${victim.id} was sent`
      : `${milliseconds(t - victim.sentAt)} after ${victim.id} was sent`;
  const notes: string[] = [];
  for (const event of run.history.events) {
    if (event.t > at || !("id" in event) || event.id === undefined || !owners.has(event.id)) continue;
    if (event.e === "cancelled") notes.push(`${event.id} had been cancelled ${relative(event.t)}`);
  }
  const risky = run.history.events.filter(
    (e) => e.e === "cache" && e.t >= victim.sentAt && e.t <= at && e.id === victim.id,
  );
  const kinds = [...new Set(risky.map((e) => (e.e === "cache" ? e.what : "")))];
  if (kinds.length > 0) notes.push(`${victim.id} itself went through ${kinds.join(" and ")} before that answer`);
  return notes.length > 0 ? `${notes.slice(0, 3).join("; ")}.` : "";
}
