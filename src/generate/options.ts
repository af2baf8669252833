/** Options sprinkled over the requests of a trace: a neighbour's must never show. */

import { seededRandom } from "../random.ts";
import { OPTIONS, type RequestOption } from "../trace/options.ts";
import { isSend, MAX_CHOICES, type SendStep, type Trace } from "../trace/schema.ts";
import { ADAPTERS } from "../tracer/adapter.ts";
import { isPenalty, leads, mayBePenalised, penaltyValues } from "./dice.ts";

/** Share of requests that get options. The others are whom one would leak to. */
const SHARE = 0.4;
/** Each of these gets a second option with this chance. */
const SECOND = 0.3;
/** Salts and adapters of a trace: few, so that prompts meet their own cells again. */
const SALTS = ["s1", "s2"] as const;
const ADAPTERS_OF_TRACE = 2;
/** Share of requests that ask for several choices, whatever else they ask for. */
const WITH_CHOICES = 0.15;

/** The same trace with the base model named in every request that names no adapter. */
export function withBaseNamed(trace: Trace): Trace {
  const steps = trace.steps.map((step) =>
    isSend(step) ? { ...step, adapter: step.adapter ?? ("base" as const) } : step,
  );
  return { ...trace, steps };
}

/** Under an adapter earlier answers have other digits: a find read may then no longer name one cell. */
function answersMayHideFinds({ prompt }: SendStep): boolean {
  return prompt.some((part) => "answer" in part) && prompt.some((part) => "read" in part && part.read === "find");
}

function mayHave(step: SendStep, option: RequestOption): boolean {
  if (option === "adapter") return !answersMayHideFinds(step);
  return !isPenalty(option) || mayBePenalised(step);
}

/**
 * The same trace with options that the target knows.
 * @param seed of its own: what the trace sends does not depend on the options
 */
export function withOptions(trace: Trace, known: readonly RequestOption[], seed: number): Trace {
  const some = OPTIONS.filter((option): option is Sprinkled => option !== "n" && known.includes(option));
  const asking = some.length === 0 ? trace : withSome(trace, some, seed);
  return known.includes("n") ? withChoices(asking, seed) : asking;
}

/** From a seed of their own: a trace without them has the other options that it has with them. */
function withChoices(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0xc401ce);
  const steps = trace.steps.map((step) =>
    isSend(step) && random.next() < WITH_CHOICES ? { ...step, n: random.int(2, MAX_CHOICES) } : step,
  );
  return { ...trace, steps };
}

type Sprinkled = Exclude<RequestOption, "n">;

function withSome(trace: Trace, some: readonly Sprinkled[], seed: number): Trace {
  const random = seededRandom(seed);
  const count = some.includes("adapter") ? ADAPTERS_OF_TRACE : 0;
  const adapters = Array.from({ length: count }, () => random.pick(ADAPTERS));
  const value: { readonly [K in Sprinkled]: () => SendStep[K] } = {
    seed: () => random.int(0, 0xffff),
    logprobs: () => random.int(0, 5),
    stop: () => true,
    allow: () => true,
    avoid: () => true,
    priority: () => random.int(-3, 3),
    salt: () => random.pick(SALTS),
    adapter: () => random.pick(adapters),
    ...penaltyValues(random),
  };
  const steps = trace.steps.map((step) => {
    if (!isSend(step) || random.next() >= SHARE) return step;
    const open = some.filter((option) => mayHave(step, option));
    if (open.length === 0) return step;
    const chosen = new Set([random.pick(open)]);
    if (random.next() < SECOND) chosen.add(random.pick(open));
    const asking = { ...step, ...Object.fromEntries(Array.from(chosen, (option) => [option, value[option]()])) };
    return leads(asking) ? asking : step;
  });
  return { ...trace, steps };
}
