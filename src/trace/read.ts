/** Reading and writing traces as JSON. */

import { CrosstalkError } from "../errors.ts";
import { TRACE_VERSION, type Trace, traceSchema } from "./schema.ts";

/**
 * Reads a trace. Errors name the file, the line (JSON) or the field (schema).
 * @throws CrosstalkError INVALID_TRACE
 */
export function parseTrace(text: string, source = "trace"): Trace {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    const position = Number(/position (\d+)/.exec(String(cause))?.[1] ?? text.length);
    const line = text.slice(0, position).split("\n").length;
    throw new CrosstalkError(
      "INVALID_TRACE",
      `${source}, line ${line}: not JSON: ${(cause as Error).message}`,
      "Check the file, or write it anew with `crosstalk run`.",
      { cause },
    );
  }
  return validateTrace(data, source);
}

/** Checks data against the schema. @throws CrosstalkError INVALID_TRACE */
export function validateTrace(data: unknown, source = "trace"): Trace {
  const version = (data as { crosstalk?: unknown } | null)?.crosstalk;
  if (version !== TRACE_VERSION) {
    throw new CrosstalkError(
      "INVALID_TRACE",
      `${source}: field "crosstalk" is ${JSON.stringify(version) ?? "missing"}, expected "${TRACE_VERSION}"`,
      typeof version === "string"
        ? "This trace was written for another version of Crosstalk: use that version."
        : "Is this a trace file?",
    );
  }
  const result = traceSchema.safeParse(data);
  if (result.success) return result.data;
  const problems = result.error.issues.slice(0, 5).map((i) => `  ${fieldPath(i.path)}: ${i.message}`);
  throw new CrosstalkError(
    "INVALID_TRACE",
    `${source} is not a valid trace:\n${problems.join("\n")}`,
    "docs/trace.md describes every field.",
  );
}

function fieldPath(path: readonly PropertyKey[]): string {
  return (
    path.reduce<string>(
      (text, key) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
      "",
    ) || "(whole)"
  );
}

/** Writes a trace: the same trace always gives the same bytes. One step a line, so that a diff reads well. */
export function formatTrace(trace: Trace): string {
  const { segments, steps, ...head } = trace;
  const lines = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  const list = (items: string[]) => items.map((item) => `\n    ${item}`).join(",");
  lines.push(
    `  "segments": {${list(Object.entries(segments).map(([id, s]) => `${JSON.stringify(id)}: ${JSON.stringify(s)}`))}\n  },`,
  );
  lines.push(`  "steps": [${list(steps.map((s) => JSON.stringify(s)))}\n  ]`);
  return `{\n${lines.join("\n")}\n}\n`;
}
