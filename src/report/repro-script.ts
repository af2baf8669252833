/** What `repro.py` and `repro.mjs` share: the trace as values, the judgement and the head. Only their form differs. */

import type { Finding } from "../check/finding.ts";
import { mostCached } from "../check/phantom.ts";
import { cleanRunsNeeded } from "../check/statistics.ts";
import { optionFields } from "../target/dialect.ts";
import { PENALTIES, resolveOptions } from "../trace/options.ts";
import { resolveRequests } from "../trace/prompt.ts";
import { adapterOf, isSend, type Part, penaltiesOf, type SendStep, type Step, type Trace } from "../trace/schema.ts";
import { MOVES } from "../tracer/adapter.ts";
import { walk } from "../tracer/dice.ts";
import { classText, formatConfirmation, headline, reproCommands, wrap } from "./wording.ts";

/** Tries by default: so many that not seeing a bug of this rate is less likely than 1 %, within reason. */
const TRIES = { fewest: 20, most: 200, confidence: 0.99 };
const WIDTH = 116;

/** A piece of a segment, `["A", from, to]`, or a read or mark with its number. */
export type Piece = readonly [kind: string, ...numbers: number[]];

/** A step's fields in the order in which they are written. */
export interface ScriptStep {
  readonly prompt?: readonly Piece[];
  readonly [field: string]: unknown;
}

export interface ReproScript {
  /** Lines: what it is, what happened, how to run it. */
  readonly head: readonly string[];
  readonly segments: Trace["segments"];
  readonly steps: readonly ScriptStep[];
  readonly law: Judgement;
  readonly anomaly: string;
  readonly rate: string;
  readonly tries: number;
}

/** @param runtime what the script needs, for its head. @param speaks the server's interface, for its head */
export function reproScript(finding: Finding, runtime: string, speaks: string): ReproScript {
  return {
    head: head(finding, runtime, speaks),
    segments: finding.trace.segments,
    steps: steps(finding),
    law: judgement(finding),
    anomaly: `${classText(finding.anomaly)}: ${headline(finding.anomaly)}`,
    rate: formatConfirmation(finding),
    tries: tries(finding),
  };
}

function head(finding: Finding, runtime: string, speaks: string): readonly string[] {
  const { anomaly, target, id } = finding;
  return [
    `Crosstalk repro ${id}: ${classText(anomaly)} in ${target.engine.name} ${target.engine.version}`,
    "",
    ...wrap(anomaly.explanation, WIDTH),
    "",
    ...reproCommands(finding).map((line) => `    ${line}`),
    "",
    `Ends with 1 when the bug shows, 0 when it does not, 2 when it could not test. ${runtime}, nothing else.`,
    `Speaks ${speaks}.`,
  ];
}

function steps(finding: Finding): readonly ScriptStep[] {
  const { trace, target } = finding;
  const options = resolveOptions(trace);
  const requests = judgement(finding) === "earned hits" ? resolveRequests(trace) : null;
  return trace.steps.map((step) => {
    const own = isSend(step) ? options.get(step.send) : undefined;
    const more = isSend(step) && requests ? mostCached(requests.get(step.send)!, requests.values()) : undefined;
    return scriptStep(trace, step, own && optionFields(target.dialect, own), more);
  });
}

function scriptStep(
  trace: Trace,
  step: Step,
  options: Readonly<Record<string, unknown>> | undefined,
  mostFromCache: number | undefined,
): ScriptStep {
  const { at } = step;
  if (isSend(step)) {
    const adapter = adapterOf(step);
    return {
      at,
      send: step.send,
      prompt: step.prompt.map((part) => piece(trace, part)),
      max_tokens: step.maxTokens,
      ...(step.n === undefined ? {} : { n: step.n }),
      ...(step.embed ? { embed: true } : {}),
      ...(step.cache === false ? { cache: false } : {}),
      ...(walks(step) ? { walk: walk(penaltiesOf(step), step.maxTokens).rungs } : {}),
      ...(mostFromCache === undefined ? {} : { most_cached: mostFromCache }),
      ...(adapter === null ? {} : { moves: MOVES[adapter] }),
      ...(options ? { options } : {}),
    };
  }
  if ("cancel" in step) {
    const { cancel, afterMs, afterTokens } = step;
    return {
      at,
      cancel,
      ...(afterMs === undefined ? {} : { after_ms: afterMs }),
      ...(afterTokens === undefined ? {} : { after_tokens: afterTokens }),
    };
  }
  if ("wait" in step) return { at, wait: step.wait };
  if ("flush" in step) return { at, flush: true };
  const { fault, share, forMs } = step;
  return {
    at,
    fault,
    ...(share === undefined ? {} : { share }),
    ...(forMs === undefined ? {} : { for_ms: forMs }),
  };
}

/** Whether its own penalties or its grammar lead it down its ladder. */
function walks(step: SendStep): boolean {
  const last = step.prompt.at(-1)!;
  const counts = step.grammar === true && "read" in last && last.read === "dice";
  return counts || PENALTIES.some((option) => step[option] !== undefined);
}

function piece(trace: Trace, part: Part): Piece {
  if ("read" in part) {
    if (part.read === "scan") return ["scan"];
    return [part.read, part.read === "dice" ? part.ladder : part.back];
  }
  if ("seg" in part) return [part.seg, part.from ?? 0, part.to ?? trace.segments[part.seg]!.length];
  const [[kind, number]] = Object.entries(part) as [[string, number]];
  return [kind, number];
}

/** What the script counts as the same failure: the finding's own law, in its simplest form. */
type Judgement = "stays up" | "settles" | "earned hits" | "own log-probabilities" | "whole answers" | "right tokens";

function judgement(finding: Finding): Judgement {
  if (finding.law.id === "stays-up") return "stays up";
  if (finding.law.id === "earned-hits") return "earned hits";
  if (finding.law.id === "own-logprobs") return "own log-probabilities";
  if (finding.law.id === "settles" || finding.anomaly.class === "unsettled request") return "settles";
  return finding.law.id === "same-prompt-same-output" || finding.anomaly.class === "lost tail"
    ? "whole answers"
    : "right tokens";
}

function tries(finding: Finding): number {
  const { failed, runs, low } = finding.confirmation;
  if (runs === 0 || failed === 0) return TRIES.most;
  return Math.max(TRIES.fewest, Math.min(TRIES.most, cleanRunsNeeded(low, TRIES.confidence)));
}
