/**
 * The pass that takes options out of requests. Where requests of the base model name it, it stays named: left out, it is
 * another thing to ask for.
 */

import { optionsIn, type RequestOption } from "../trace/options.ts";
import { isSend, type SendStep, type Trace } from "../trace/schema.ts";
import { type Pass, removeItems } from "./search.ts";

const removable = (step: SendStep): RequestOption[] =>
  optionsIn(step).filter((option) => option !== "adapter" || step.adapter !== "base");

/** `request option`: names have no spaces. */
type Key = `${string} ${RequestOption}`;

export function* dropOptions(trace: Trace): Pass {
  const names = trace.steps.some((s) => isSend(s) && s.adapter === "base");
  return yield* removeItems(
    trace,
    (t) => t.steps.filter(isSend).flatMap((s) => removable(s).map((option): Key => `${s.send} ${option}`)),
    (t, gone) => ({
      ...t,
      steps: t.steps.map((s) => {
        if (!isSend(s)) return s;
        const dropped = new Set<string>(optionsIn(s).filter((option) => gone.includes(`${s.send} ${option}`)));
        if (dropped.size === 0) return s;
        const kept = Object.fromEntries(Object.entries(s).filter(([field]) => !dropped.has(field))) as typeof s;
        return names && dropped.has("adapter") ? { ...kept, adapter: "base" } : kept;
      }),
    }),
  );
}
