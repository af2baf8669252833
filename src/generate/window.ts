/** A trace cut to what a model with sliding window layers can be asked. */

import { isSend, type Part, promptLength, type SendStep, type Trace } from "../trace/schema.ts";
import { beyondWindow, farthestBack } from "../trace/window.ts";

/** Reads that reach farther come nearer; a nonce or a find read that cannot be answered goes. */
export function withinWindow(trace: Trace, window: number | null): Trace {
  if (window === null) return trace;
  const fits = (step: SendStep): boolean => beyondWindow({ ...trace, steps: [step] }, window) === null;
  const steps = trace.steps.map((step) => {
    if (!isSend(step) || fits(step)) return step;
    const read = nearer(step.prompt.at(-1)!, farthestBack(window));
    const near = { ...step, prompt: [...step.prompt.slice(0, -1), read] };
    if (fits(near)) return near;
    const plain = near.prompt.filter((p) => !("nonce" in p) && !("branch" in p));
    const asked = [...plain.slice(0, -1), finds(read) ? { read: "scan" as const } : read];
    // Without its marks there is less before a read.
    return {
      ...near,
      prompt: asked.map((part, i) => nearer(part, promptLength(trace, asked.slice(0, i)))),
    };
  });
  return { ...trace, steps };
}

const finds = (part: Part): boolean => "read" in part && part.read === "find";

function nearer(part: Part, farthest: number): Part {
  return "read" in part && part.read === "narrow" ? { ...part, back: Math.min(part.back, farthest) } : part;
}
