/** A trace as a person reads it. */

import { optionsIn } from "./options.ts";
import { isSend, type Part, promptLength, type Step, type Trace } from "./schema.ts";

function formatRead(part: Extract<Part, { read: string }>): string {
  if (part.read === "scan") return "scan";
  if (part.read === "dice") return `dice.${part.ladder}`;
  return `${part.read === "find" ? "find" : ""}@${part.back}`;
}

/** One part: `A` for a whole segment, `A[0:63]` for a piece; `scan`, `dice.0`, `@40` or `find@40`; `=8` for its answer. */
export function formatPart(part: Part): string {
  if ("nonce" in part) return `nonce.${part.nonce}`;
  if ("branch" in part) return `branch.${part.branch}`;
  if ("answer" in part) return `=${part.answer}`;
  if ("read" in part) return formatRead(part);
  return part.from === undefined && part.to === undefined
    ? part.seg
    : `${part.seg}[${part.from ?? 0}:${part.to ?? ""}]`;
}

export function formatPrompt(parts: readonly Part[]): string {
  return parts.map(formatPart).join(" ");
}

export function formatStep(trace: Trace, step: Step): string {
  const time = `${step.at.toFixed(1).padStart(9)} ms  `;
  if (isSend(step)) {
    const cache = step.cache === false ? ", cache off" : "";
    const options = optionsIn(step).map((o) => (step[o] === true ? `, ${o}` : `, ${o} ${step[o]}`));
    return `${time}send   ${step.send.padEnd(5)} ${formatPrompt(step.prompt)}  (${promptLength(trace, step.prompt)} tokens, up to ${step.maxTokens} out${cache}${options.join("")})`;
  }
  if ("cancel" in step) {
    const when =
      step.afterTokens !== undefined
        ? ` after ${step.afterTokens} tokens`
        : step.afterMs !== undefined
          ? ` ${step.afterMs} ms after it was sent`
          : "";
    return `${time}cancel ${step.cancel}${when}`;
  }
  if ("wait" in step) return `${time}wait   for ${step.wait} to settle`;
  if ("flush" in step) return `${time}flush  the prefix cache`;
  const share = step.share === undefined ? "" : ` to ${step.share} of a core`;
  return `${time}fault  ${step.fault}${share}${step.forMs === undefined ? "" : ` for ${step.forMs} ms`}`;
}

/** The whole trace: segments first, then a step a line. */
export function printTrace(trace: Trace): string {
  const segments = Object.entries(trace.segments).map(
    ([id, s]) => `  ${id}: ${s.length} ${s.distinct ? "distinct " : ""}cells, family ${s.family}, seed ${s.seed}`,
  );
  return [
    `${trace.name}`,
    "segments:",
    ...segments,
    "steps:",
    ...trace.steps.map((s) => `  ${formatStep(trace, s)}`),
  ].join("\n");
}
