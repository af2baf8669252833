/** The pass that takes options out of requests. */

import { optionsIn, type RequestOption } from "../trace/options.ts";
import { isSend, type Trace } from "../trace/schema.ts";
import { type Pass, removeItems } from "./search.ts";

/** `request option`: names have no spaces. */
type Key = `${string} ${RequestOption}`;

export function* dropOptions(trace: Trace): Pass {
  return yield* removeItems(
    trace,
    (t) => t.steps.filter(isSend).flatMap((s) => optionsIn(s).map((option): Key => `${s.send} ${option}`)),
    (t, gone) => ({
      ...t,
      steps: t.steps.map((s) => {
        if (!isSend(s)) return s;
        const dropped = new Set<string>(optionsIn(s).filter((option) => gone.includes(`${s.send} ${option}`)));
        if (dropped.size === 0) return s;
        return Object.fromEntries(Object.entries(s).filter(([field]) => !dropped.has(field))) as typeof s;
      }),
    }),
  );
}
