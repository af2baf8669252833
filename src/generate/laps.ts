/** Near narrow reads go on over their own answer: a second lap shows what each decode step was fed. */

import { isSend, promptLength, type Trace } from "../trace/schema.ts";
import { NARROW_TOKENS } from "../tracer/read-tokens.ts";
import { cellsPerRequest, type TraceLimits } from "./limits.ts";

/** Cells of the longest lap, and answers that are read again. */
const LONGEST = 24;
const AGAIN = 8;

/** The same trace with longer answers, where there is room. Requests that were alike stay alike. */
export function withLaps(trace: Trace, limits: TraceLimits): Trace {
  const steps = trace.steps.map((step) => {
    const read = isSend(step) ? step.prompt.at(-1)! : null;
    if (!isSend(step) || !read || !("read" in read) || read.read !== "narrow" || read.back > LONGEST) return step;
    const room = cellsPerRequest(limits) - promptLength(trace, step.prompt);
    return { ...step, maxTokens: Math.max(step.maxTokens, Math.min(room, read.back + NARROW_TOKENS + AGAIN)) };
  });
  return { ...trace, steps };
}
