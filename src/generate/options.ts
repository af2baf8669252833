/** Options sprinkled over the requests of a trace: a neighbour's must never show. */

import { seededRandom } from "../random.ts";
import { OPTIONS, optionsIn, type RequestOption } from "../trace/options.ts";
import {
  BESIDE_EMBED,
  isSend,
  MAX_CHOICES,
  MAX_SENTENCE,
  type SendStep,
  type Trace,
  WITHOUT_GRAMMAR,
} from "../trace/schema.ts";
import { ADAPTERS } from "../tracer/adapter.ts";
import { isPenalty, leads, mayBePenalised, penaltyValues } from "./dice.ts";
import { withRequestIds, withSessions } from "./names.ts";

/** Share of requests that get options. The others are whom one would leak to. */
const SHARE = 0.4;
/** Each of these gets a second option with this chance. */
const SECOND = 0.3;
/** Salts and adapters of a trace: few, so that prompts meet their own cells again. */
const SALTS = ["s1", "s2"] as const;
const ADAPTERS_OF_TRACE = 2;
/** Share of requests that ask for several choices, whatever else they ask for. */
const WITH_CHOICES = 0.15;
/** Share of traces that have embeddings, and of their prompts those that are embedded. */
const EMBEDDING = { traces: 1 / 3, prompts: 0.5 } as const;
/** Share of requests that are held to a grammar, of those whose other options let them. */
const WITH_GRAMMAR = 0.15;

/** The same trace with the base model named in every request that names no adapter; embeddings have no words for it. */
export function withBaseNamed(trace: Trace): Trace {
  const steps = trace.steps.map((step) =>
    isSend(step) && step.embed === undefined ? { ...step, adapter: step.adapter ?? ("base" as const) } : step,
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
  const some = OPTIONS.filter((option): option is Sprinkled => isSprinkled(option) && known.includes(option));
  const asking = some.length === 0 ? trace : withSome(trace, some, seed);
  const held = known.includes("grammar") ? withGrammars(asking, seed) : asking;
  const several = known.includes("n") ? withChoices(held, seed) : held;
  const renamed = known.includes("requestId") ? withRequestIds(several, seed) : several;
  const talking = known.includes("session") ? withSessions(renamed, seed) : renamed;
  // Last: what has options that no embedding has generates.
  return known.includes("embed") ? withEmbeddings(talking, seed) : talking;
}

/** Whether a request may be held to a grammar beside what it asks for. */
const mayHaveGrammar = (step: SendStep): boolean =>
  step.maxTokens <= MAX_SENTENCE && WITHOUT_GRAMMAR.every((field) => step[field] === undefined);

/** From a seed of their own, as choices are. */
function withGrammars(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0x96a33a6);
  const steps = trace.steps.map((step) =>
    isSend(step) && random.next() < WITH_GRAMMAR && mayHaveGrammar(step) ? { ...step, grammar: true as const } : step,
  );
  return { ...trace, steps };
}

/** From a seed of their own: a trace without them has the other options that it has with them. */
function withChoices(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0xc401ce);
  const steps = trace.steps.map((step) =>
    isSend(step) && random.next() < WITH_CHOICES ? { ...step, n: random.int(2, MAX_CHOICES) } : step,
  );
  return { ...trace, steps };
}

/**
 * Some traces with embeddings between their completions, from a seed of their own. Requests that are alike stay alike: all
 * of a prompt are embedded or none.
 */
function withEmbeddings(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0xe3bed);
  if (random.next() >= EMBEDDING.traces) return trace;
  const alike = new Map<string, SendStep[]>();
  for (const step of trace.steps.filter(isSend)) {
    const prompt = JSON.stringify(step.prompt);
    alike.set(prompt, [...(alike.get(prompt) ?? []), step]);
  }
  const chosen = [...alike.values()].flatMap((steps) => (random.next() < EMBEDDING.prompts ? [steps] : []));
  const embedded = new Set(chosen.filter((steps) => steps.every(mayBeEmbedded)).flat());
  const steps = trace.steps.map((step) =>
    isSend(step) && embedded.has(step) ? { ...step, maxTokens: 1, embed: true as const } : step,
  );
  return { ...trace, steps };
}

const mayBeEmbedded = (step: SendStep): boolean =>
  optionsIn(step).every((option) => BESIDE_EMBED.some((one) => one === option));

/** Options that are given by a rule of their own. */
const APART = ["n", "grammar", "requestId", "session", "embed"] as const satisfies readonly RequestOption[];
type Sprinkled = Exclude<RequestOption, (typeof APART)[number]>;
const isSprinkled = (option: RequestOption): boolean => !APART.some((one) => one === option);

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
