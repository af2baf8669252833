/**
 * A scan says that a foreign digit is somewhere in the context. Narrow reads say where, and whose it is, as long as the
 * cells still stand. So the trace that failed is run again with narrow reads over the whole context: first behind the
 * scan, on the cells that it left in the prefix cache, then in its place.
 */

import {
  isCancel,
  isSend,
  MAX_ANSWER,
  type Part,
  partLength,
  promptLength,
  type SendStep,
  type Step,
  type Trace,
} from "../trace/schema.ts";
import { NARROW_TOKENS } from "../tracer/read-tokens.ts";
import { MAX_BACK, TURNS, tokenKind } from "../tracer/vocabulary.ts";
import { wrongRun } from "./context.ts";
import type { Anomaly, Reading } from "./finding.ts";
import { answersOf, type Property, type Run } from "./property.ts";
import { fail, pass, type Witness, whose } from "./verdict.ts";

export interface LocatingLimits {
  readonly blockSize: number;
  /** The longest prompt plus answer. */
  readonly contextTokens: number;
}

/** Cells `from` (included) to `to` (excluded) of a context. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Cells that one narrow read covers, where the context is short. */
const STRETCH = 64;
const PLACES_MOST = 4;
/** Narrow reads in the scan's place: each is a run of its own. */
const IN_PLACE_MOST = 8;

/**
 * Traces that locate what a scan found, in the order to be tried; none if the witness is no scan's wrong digit.
 * @param run the run that failed, of the trace that is to be run again
 */
export function locatingTraces(run: Run, { request, choice = 0, index }: Witness, limits: LocatingLimits): Trace[] {
  const resolved = run.requests.get(request)!;
  const answer = answersOf(run, [run.outcomes.get(request)!])[choice];
  const token = index === null ? undefined : answer?.tokens[index];
  if (resolved.read !== "scan" || token === undefined || tokenKind(token).kind !== "bad") return [];
  if (resolved.turns.filter((turn) => turn.read !== "scan").length >= TURNS) return [];
  const payload = resolved.turns.at(-1)!.start;
  const room = limits.contextTokens - payload - NARROW_TOKENS;
  const length = Math.min(room, MAX_ANSWER, Math.max(STRETCH, Math.ceil(payload / IN_PLACE_MOST)));
  if (length < 1) return [];
  const stretches = stretchesOf(payload, length, limits.blockSize);
  const inPlace = stretches.filter(({ from }) => payload - from <= MAX_BACK).slice(-IN_PLACE_MOST);
  return [behind(run, request, stretches), ...inPlace.map((stretch) => inItsPlace(run.trace, request, stretch))];
}

/** Stretches end at the edges of blocks, so that the blocks before an edge come from the prefix cache whole. */
function stretchesOf(payload: number, length: number, blockSize: number): Stretch[] {
  const whole = length < blockSize ? length : length - (length % blockSize);
  const stretches: Stretch[] = [];
  for (let from = 0; from < payload; from += whole) stretches.push({ from, to: Math.min(from + whole, payload) });
  return stretches;
}

/** The trace as far as it mattered, and then one narrow read after the other. */
function behind(run: Run, request: string, stretches: readonly Stretch[]): Trace {
  const { trace } = run;
  const end = run.outcomes.get(request)!.settledAt ?? Number.POSITIVE_INFINITY;
  const before = (id: string) => (run.outcomes.get(id)?.sentAt ?? Number.POSITIVE_INFINITY) <= end;
  const cut = trace.steps.findLastIndex((step) => isSend(step) && before(step.send));
  const kept = trace.steps.filter((step, i) => i <= cut || (isCancel(step) && before(step.cancel)));
  const victim = kept.find((step): step is SendStep => isSend(step) && step.send === request)!;
  const at = kept.at(-1)!.at;
  const name = freeName(trace);
  const reads = stretches.flatMap(({ from, to }, i): Step[] => {
    const cells = firstCells(trace, victim.prompt, to);
    const prompt: Part[] = [...cells, { read: "narrow", back: promptLength(trace, cells) - from }];
    return [
      { ...answered(victim), at, send: `${name}${i}`, prompt, maxTokens: to - from },
      { at, wait: `${name}${i}` },
    ];
  });
  return withSteps(trace, [...kept, { at, wait: request }, ...reads]);
}

/** The scan's own prompt, at its own time, with a narrow read of one stretch at its end. */
function inItsPlace(trace: Trace, request: string, { from, to }: Stretch): Trace {
  const steps = trace.steps.map((step): Step => {
    if (!isSend(step) || step.send !== request) return step;
    const cells = step.prompt.slice(0, -1);
    const back = promptLength(trace, cells) - from;
    return { ...answered(step), prompt: [...cells, { read: "narrow", back }], maxTokens: to - from };
  });
  return withSteps(trace, steps);
}

/** With an answer in the place of an embedding, which is one token long. */
const answered = ({ embed: _, ...step }: SendStep): SendStep => step;

/** The trace needs what it needed and the room that its longest read takes: a target that is smaller is not asked. */
function withSteps(trace: Trace, steps: readonly Step[]): Trace {
  const { contextTokens: _, ...needs } = trace.needs ?? {};
  return { ...trace, needs, steps: [...steps] };
}

/** The first `count` cells of a prompt, and what is left of a read that they end in: it cannot be cut. */
function firstCells(trace: Trace, prompt: readonly Part[], count: number): Part[] {
  let left = count;
  return prompt.slice(0, -1).flatMap((part): Part[] => {
    if (left <= 0) return [];
    const whole = partLength(trace, part);
    const length = Math.min(left, whole);
    left -= whole;
    if (length === whole) return [part];
    if ("seg" in part) return [{ ...part, from: part.from ?? 0, to: (part.from ?? 0) + length }];
    return ["answer" in part ? { answer: length } : part];
  });
}

/** What the locating reads are called: a word that no request of the trace begins with. */
function freeName(trace: Trace): string {
  let name = "locate";
  while (trace.steps.some((step) => isSend(step) && step.send.startsWith(name))) name += "-";
  return name;
}

/**
 * A law that fails where a narrow read has a wrong token, cancelled or not: that is what locates. An alarm does not: it
 * may be about any cell.
 */
export const narrowReadsAreRight: Property = {
  id: "narrow-reads-are-right",
  title: "Every narrow read is answered right",
  law: "Every token of a narrow read is the one that its own prompt determines.",
  needs: ["main"],
  appliesTo: () => true,
  check: (runs) => {
    const run = runs.get("main")!;
    const witnesses = answersOf(run).flatMap((answer): Witness[] => {
      const { tokens } = answer;
      const request = run.requests.get(answer.id)!;
      const isWrong = (token: number, i: number) =>
        tokenKind(token).kind !== "err" && wrongRun(request, tokens, i, 1).length > 0;
      const index = request.read === "narrow" ? tokens.findIndex(isWrong) : -1;
      return index < 0 ? [] : [{ ...whose(answer), index, expected: "", observed: "" }];
    });
    return witnesses.length > 0 ? fail("narrow reads with wrong tokens", witnesses) : pass("no narrow read is wrong");
  },
};

/** The scan's anomaly, with the cell that a narrow read pinned. Of the owners that the scan left open, those it names stay. */
export function withLocation(scan: Anomaly, found: Anomaly, blockSize: number): Anomaly {
  const narrow = [found, ...found.or];
  const sure = narrow.every((r) => r.class !== "unexplained");
  const named = narrow.flatMap((r) => r.origins);
  const pinned = (reading: Reading): Reading => ({
    class: reading.class,
    origins: named.filter(
      (o, i) =>
        reading.origins.some((scanned) => scanned.request === o.request) &&
        named.findIndex((p) => p.request === o.request && p.position === o.position) === i,
    ),
  });
  const [first, ...or] = sure ? [scan, ...scan.or].map(pinned).filter((r) => r.origins.length > 0) : [];
  const block = blockSize > 1 ? ` (block ${Math.floor(found.position! / blockSize)})` : "";
  const places = [...new Set((sure ? named : []).map((o) => `${o.place} of ${o.request}`))].slice(0, PLACES_MOST);
  const whose = places.length > 0 ? `which is ${places.join(" or ")}` : "which does not say whose cell it is";
  const got = `a narrow read of it got ${found.observed[0]} instead of ${found.expected[0]}, ${whose}`;
  const explanation = `${scan.explanation} Located at position ${found.position}${block}: ${got}.`;
  return first === undefined ? { ...scan, explanation } : { ...scan, ...first, or, explanation };
}

export function notLocated(scan: Anomaly, runs: number): Anomaly {
  const explanation = `${scan.explanation} Narrow reads over the context right after it (${runs} ${runs === 1 ? "run" : "runs"}) found no wrong cell any more.`;
  return { ...scan, explanation };
}
