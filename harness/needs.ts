/** What a trace needs of a target, against what the target is. */

import { CrosstalkError } from "../src/errors.ts";
import type { TargetDescription } from "../src/target/target.ts";
import { optionsIn, type RequestOption } from "../src/trace/options.ts";
import { isSend, promptLength, type Trace } from "../src/trace/schema.ts";
import { beyondWindow } from "../src/trace/window.ts";

/** What makes a server know an option. */
const HINTS: Readonly<Partial<Record<RequestOption, string>>> = {
  priority: "vLLM: start it with --scheduling-policy priority.",
  embed: "llama-server: start it with --embeddings --pooling last.",
  adapter: "Start it with the adapters that `crosstalk model write` puts beside the model: README.md says how.",
};

/** @throws CrosstalkError UNSUPPORTED_BY_TARGET, naming the first need that is not met */
export function refuseUnmetNeeds(trace: Trace, target: TargetDescription): void {
  const refuse = (what: string, hint: string): never => {
    throw new CrosstalkError("UNSUPPORTED_BY_TARGET", `trace ${trace.name}: ${what}`, hint);
  };
  const { topology, blockSize, contextTokens } = trace.needs ?? {};
  if (topology !== undefined && topology !== target.topology) {
    refuse(`needs topology ${topology}, the target is ${target.topology}`, "Use a target of that topology.");
  }
  if (blockSize !== undefined && blockSize !== target.blockSize) {
    refuse(
      `needs blocks of ${blockSize} cells, the target has ${target.blockSize}`,
      "Start the engine with that block size, or generate traces for this target.",
    );
  }
  for (const [i, step] of trace.steps.entries()) {
    const unknown = isSend(step) ? optionsIn(step).find((option) => !target.options.includes(option)) : undefined;
    if (unknown === undefined) continue;
    const known = target.options.length === 0 ? "no options" : target.options.join(", ");
    refuse(
      `step ${i + 1} has the option ${unknown}, the target knows ${known}`,
      HINTS[unknown] ?? "Take it out of the trace, or run it on an engine that knows it.",
    );
  }
  const { window } = target.written.shape;
  const beyond = window === null ? null : beyondWindow(trace, window);
  if (beyond !== null)
    refuse(
      `request ${beyond.send} asks for cells that have left the model's window of ${window}`,
      "Ask nearer, without a nonce, or take a model without a window.",
    );
  const longest = Math.max(0, ...trace.steps.filter(isSend).map((s) => promptLength(trace, s.prompt) + s.maxTokens));
  const context = Math.max(longest, contextTokens ?? 0);
  if (context > target.contextTokens) {
    refuse(
      `needs a context of ${context} tokens, the target has ${target.contextTokens} for a request`,
      "Start the engine with a longer context (llama-server: -c, which its slots share).",
    );
  }
}
