/** `repro.py`: the minimal trace as a script that anyone can read and run without Crosstalk. */

import type { Finding } from "../check/finding.ts";
import type { Trace } from "../trace/schema.ts";
import { REPRO_BODY } from "./repro-py-body.ts";
import { REPRO_DIALECTS } from "./repro-py-dialects.ts";
import { type Piece, reproScript, type ScriptStep } from "./repro-script.ts";

/**
 * Speaks the target's dialect. Ends with 1 when it reproduces, 0 when it does not (and prints the tries that
 * rests on), 2 when it could not test: no server there, or one without the tracer model.
 */
export function reproPy(finding: Finding): string {
  const { title, code } = REPRO_DIALECTS[finding.target.dialect];
  const script = reproScript(finding, "Python 3.9 or later", title);
  return `#!/usr/bin/env python3
${docstring(script.head)}

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
${segments(script.segments)}
}

# Times in milliseconds from the start of a try. A prompt is pieces of segments, ("A", from, to), and reads:
# ("narrow", 32) asks for the cells from 32 before it on, ("find", 32) for the cell with the digits of that one,
# ("scan",) looks at every cell of the context, ("dice", 3) at none: its answer is the top of ladder 3, and a walk down
# it, rung by rung, where the request's own penalties or grammar ask for one. ("answer", 8) is what the read before it must be answered with.
# ("nonce", 5) and ("branch", 3) mark the keys of all cells that follow. "moves": by how many groups of four the request's
# adapter moves each digit that a cell stores. "n": so many answers, all the same. "embed": a vector,
# which must be the one that the request gets alone. "most_cached" is how many tokens of the prompt another request with the
# same salt and adapter can have left in a cache.
STEPS = [
${script.steps.map(stepLiteral).join("\n")}
]

LAW = ${JSON.stringify(script.law)}
ANOMALY = ${JSON.stringify(script.anomaly)}
RATE = ${JSON.stringify(script.rate)}
TRIES = ${script.tries}
${code}${REPRO_BODY}`;
}

function docstring(head: readonly string[]): string {
  return `"""${head.join("\n").replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"')}\n"""`;
}

function segments(named: Trace["segments"]): string {
  return Object.entries(named)
    .map(([id, s]) => `    ${JSON.stringify(id)}: (${s.seed}, ${s.family}, ${s.length}${s.distinct ? ", True" : ""}),`)
    .join("\n");
}

function stepLiteral(step: ScriptStep): string {
  const fields = Object.entries(step).map(([field, value]) => {
    if (field === "prompt") return `"prompt": [${step.prompt!.map(tuple).join(", ")}]`;
    return `"${field}": ${literal(value)}`;
  });
  return `    {${fields.join(", ")}},`;
}

/** JSON of numbers and texts reads the same in Python. */
function literal(value: unknown): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}:${literal(field)}`);
  return `{${fields.join(",")}}`;
}

function tuple([kind, ...numbers]: Piece): string {
  return `(${[JSON.stringify(kind), ...numbers].join(", ")}${numbers.length === 0 ? "," : ""})`;
}
