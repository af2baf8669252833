/** `repro.py`: the minimal trace as a script that anyone can read and run without Crosstalk. */

import type { Finding } from "../check/finding.ts";
import { mostCached } from "../check/phantom.ts";
import { cleanRunsNeeded } from "../check/statistics.ts";
import { optionFields } from "../target/dialect.ts";
import { PENALTIES, resolveOptions } from "../trace/options.ts";
import { resolveRequests } from "../trace/prompt.ts";
import { adapterOf, isSend, type Part, penaltiesOf, type Step, type Trace } from "../trace/schema.ts";
import { MOVES } from "../tracer/adapter.ts";
import { walk } from "../tracer/dice.ts";
import { REPRO_BODY } from "./repro-py-body.ts";
import { REPRO_DIALECTS } from "./repro-py-dialects.ts";
import { classText, formatConfirmation, headline, reproCommands, wrap } from "./wording.ts";

/** Tries by default: so many that not seeing a bug of this rate is less likely than 1 %, within reason. */
const TRIES = { fewest: 20, most: 200, confidence: 0.99 };
const WIDTH = 116;

/**
 * Speaks the target's dialect. Ends with 1 when it reproduces, 0 when it does not (and prints the tries that
 * rests on), 2 when it could not test: no server there, or one without the tracer model.
 */
export function reproPy(finding: Finding): string {
  return `#!/usr/bin/env python3
${header(finding)}

import argparse
import http.client
import json
import math
import os
import signal
import socket
import sys
import threading
import time
import urllib.parse

# ---- The trace -------------------------------------------------------------------------------------------------

# name: (seed, family, length in tokens), and True where no two cells share their first two digits
SEGMENTS = {
${segments(finding.trace)}
}

# Times in milliseconds from the start of a try. A prompt is pieces of segments, ("A", from, to), and reads:
# ("narrow", 32) asks for the cells from 32 before it on, ("find", 32) for the cell with the digits of that one,
# ("scan",) looks at every cell of the context, ("dice", 3) at none: its answer is the top of ladder 3, and a walk down
# it, rung by rung, where the request's own penalties ask for one. ("answer", 8) is what the read before it must be answered with.
# ("nonce", 5) and ("branch", 3) mark the keys of all cells that follow. "moves": by how many groups of four the request's
# adapter moves each digit that a cell stores. "most_cached" is how many tokens of the prompt another request with the
# same salt and adapter can have left in a cache.
STEPS = [
${steps(finding)}
]

LAW = ${JSON.stringify(judgement(finding))}
ANOMALY = ${JSON.stringify(`${classText(finding.anomaly)}: ${headline(finding.anomaly)}`)}
RATE = ${JSON.stringify(formatConfirmation(finding))}
TRIES = ${tries(finding)}
${REPRO_DIALECTS[finding.target.dialect].code}${REPRO_BODY}`;
}

function header(finding: Finding): string {
  const { anomaly, target, id } = finding;
  const text = [
    `Crosstalk repro ${id}: ${classText(anomaly)} in ${target.engine.name} ${target.engine.version}`,
    "",
    ...wrap(anomaly.explanation, WIDTH),
    "",
    ...reproCommands(finding).map((line) => `    ${line}`),
    "",
    "Ends with 1 when the bug shows, 0 when it does not, 2 when it could not test. Python 3.9 or later, nothing else.",
    `Speaks ${REPRO_DIALECTS[target.dialect].title}.`,
  ];
  return `"""${text.join("\n").replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"')}\n"""`;
}

function segments(trace: Trace): string {
  return Object.entries(trace.segments)
    .map(([id, s]) => `    ${JSON.stringify(id)}: (${s.seed}, ${s.family}, ${s.length}${s.distinct ? ", True" : ""}),`)
    .join("\n");
}

function steps(finding: Finding): string {
  const { trace, target } = finding;
  const options = resolveOptions(trace);
  const requests = judgement(finding) === "earned hits" ? resolveRequests(trace) : null;
  const literals = trace.steps.map((step) => {
    const own = isSend(step) ? options.get(step.send) : undefined;
    const more = isSend(step) && requests ? mostCached(requests.get(step.send)!, requests.values()) : undefined;
    return stepLiteral(trace, step, own && optionFields(target.dialect, own), more);
  });
  return literals.map((literal) => `    ${literal},`).join("\n");
}

function stepLiteral(
  trace: Trace,
  step: Step,
  options: Readonly<Record<string, unknown>> | undefined,
  mostFromCache: number | undefined,
): string {
  const fields = [`"at": ${step.at}`];
  if (isSend(step)) {
    fields.push(`"send": ${JSON.stringify(step.send)}`);
    fields.push(`"prompt": [${step.prompt.map((p) => partLiteral(trace, p)).join(", ")}]`);
    fields.push(`"max_tokens": ${step.maxTokens}`);
    if (step.cache === false) fields.push(`"cache": False`);
    if (PENALTIES.some((option) => step[option] !== undefined))
      fields.push(`"walk": ${JSON.stringify(walk(penaltiesOf(step), step.maxTokens).rungs)}`);
    // JSON of numbers, texts and lists reads the same in Python.
    if (mostFromCache !== undefined) fields.push(`"most_cached": ${mostFromCache}`);
    const adapter = adapterOf(step);
    if (adapter !== null) fields.push(`"moves": ${JSON.stringify(MOVES[adapter])}`);
    if (options) fields.push(`"options": ${JSON.stringify(options)}`);
  } else if ("cancel" in step) {
    fields.push(`"cancel": ${JSON.stringify(step.cancel)}`);
    if (step.afterMs !== undefined) fields.push(`"after_ms": ${step.afterMs}`);
    if (step.afterTokens !== undefined) fields.push(`"after_tokens": ${step.afterTokens}`);
  } else if ("wait" in step) {
    fields.push(`"wait": ${JSON.stringify(step.wait)}`);
  } else if ("flush" in step) {
    fields.push(`"flush": True`);
  } else {
    fields.push(`"fault": ${JSON.stringify(step.fault)}`);
    if (step.share !== undefined) fields.push(`"share": ${step.share}`);
    if (step.forMs !== undefined) fields.push(`"for_ms": ${step.forMs}`);
  }
  return `{${fields.join(", ")}}`;
}

function partLiteral(trace: Trace, part: Part): string {
  if ("read" in part) {
    if (part.read === "scan") return `("scan",)`;
    return `("${part.read}", ${part.read === "dice" ? part.ladder : part.back})`;
  }
  if (!("seg" in part)) return `(${Object.entries(part).map(([kind, n]) => `"${kind}", ${n}`)})`;
  const to = part.to ?? trace.segments[part.seg]!.length;
  return `(${JSON.stringify(part.seg)}, ${part.from ?? 0}, ${to})`;
}

/** What the script counts as the same failure: the finding's own law, in its simplest form. */
function judgement(finding: Finding): "stays up" | "settles" | "earned hits" | "whole answers" | "right tokens" {
  if (finding.law.id === "stays-up") return "stays up";
  if (finding.law.id === "earned-hits") return "earned hits";
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
