/** `repro.mjs`: `repro.py` for Node, where there is no Python. Both send and judge the same. */

import type { Finding } from "../check/finding.ts";
import type { Trace } from "../trace/schema.ts";
import { REPRO_BODY } from "./repro-mjs-body.ts";
import { REPRO_DIALECTS } from "./repro-mjs-dialects.ts";
import { REPRO_DIALECTS as PYTHON } from "./repro-py-dialects.ts";
import { type Piece, reproScript, type ScriptStep } from "./repro-script.ts";

/** Speaks the target's dialect. Prints and ends as `repro.py` does. */
export function reproMjs(finding: Finding): string {
  const { dialect } = finding.target;
  const script = reproScript(finding, "Node 20 or later", PYTHON[dialect].title);
  return `#!/usr/bin/env node
${comment(script.head)}

import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

// ---- The trace -------------------------------------------------------------------------------------------------

// name: [seed, family, length in tokens], and true where no two cells share their first two digits
const SEGMENTS = {
${segments(script.segments)}
};

// Times in milliseconds from the start of a try. A prompt is pieces of segments, ["A", from, to], and reads:
// ["narrow", 32] asks for the cells from 32 before it on, ["find", 32] for the cell with the digits of that one,
// ["scan"] looks at every cell of the context, ["dice", 3] at none: its answer is the top of ladder 3, and a walk down
// it, rung by rung, where the request's own penalties or grammar ask for one. ["answer", 8] is what the read before it must be
// answered with. ["nonce", 5] and ["branch", 3] mark the keys of all cells that follow. moves: by how many groups of
// four the request's adapter moves each digit that a cell stores. n: so many answers, all the same. embed: a vector,
// which must be the one that the request gets alone. most_cached is how
// many tokens of the prompt another request with the same salt and adapter can have left in a cache.
const STEPS = [
${script.steps.map(stepLiteral).join("\n")}
];

const LAW = ${JSON.stringify(script.law)};
const ANOMALY = ${JSON.stringify(script.anomaly)};
const RATE = ${JSON.stringify(script.rate)};
const TRIES = ${script.tries};
${REPRO_DIALECTS[dialect]}${REPRO_BODY}`;
}

function comment(head: readonly string[]): string {
  return head.map((line) => `// ${line}`.trimEnd()).join("\n");
}

function segments(named: Trace["segments"]): string {
  return Object.entries(named)
    .map(([id, s]) => `  ${JSON.stringify(id)}: [${s.seed}, ${s.family}, ${s.length}${s.distinct ? ", true" : ""}],`)
    .join("\n");
}

function stepLiteral(step: ScriptStep): string {
  const fields = Object.entries(step).map(([field, value]) => {
    if (field === "prompt") return `prompt: [${step.prompt!.map(list).join(", ")}]`;
    return `${field}: ${JSON.stringify(value)}`;
  });
  return `  { ${fields.join(", ")} },`;
}

function list([kind, ...numbers]: Piece): string {
  return `[${[JSON.stringify(kind), ...numbers].join(", ")}]`;
}
