/** Options sprinkled over the requests of a trace: a neighbour's must never show. */

import { seededRandom } from "../random.ts";
import { OPTIONS, type RequestOption } from "../trace/options.ts";
import { isSend, type SendStep, type Trace } from "../trace/schema.ts";
import { isPenalty, leads, mayBePenalised, penaltyValues } from "./dice.ts";

/** Share of requests that get options. The others are whom one would leak to. */
const SHARE = 0.4;
/** Each of these gets a second option with this chance. */
const SECOND = 0.3;
/** Salts of a trace: few, so that prompts meet their own salt's cells again. */
const SALTS = ["s1", "s2"] as const;

/**
 * The same trace with options that the target knows.
 * @param seed of its own: what the trace sends does not depend on the options
 */
export function withOptions(trace: Trace, known: readonly RequestOption[], seed: number): Trace {
  if (known.length === 0) return trace;
  const random = seededRandom(seed);
  const some = OPTIONS.filter((option) => known.includes(option));
  const value: { readonly [K in RequestOption]: () => SendStep[K] } = {
    seed: () => random.int(0, 0xffff),
    logprobs: () => random.int(0, 5),
    stop: () => true,
    allow: () => true,
    avoid: () => true,
    priority: () => random.int(-3, 3),
    salt: () => random.pick(SALTS),
    ...penaltyValues(random),
  };
  const steps = trace.steps.map((step) => {
    if (!isSend(step) || random.next() >= SHARE) return step;
    const open = mayBePenalised(step) ? some : some.filter((option) => !isPenalty(option));
    if (open.length === 0) return step;
    const chosen = new Set([random.pick(open)]);
    if (random.next() < SECOND) chosen.add(random.pick(open));
    const asking = { ...step, ...Object.fromEntries(Array.from(chosen, (option) => [option, value[option]()])) };
    return leads(asking) ? asking : step;
  });
  return { ...trace, steps };
}
