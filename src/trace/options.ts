/**
 * What a request asks for beside its prompt. Its adapter moves the right answer, and so do the penalties that of dice
 * reads, in a way that is known; nothing else may change one: what does is another request's, leaked. `docs/trace.md`
 * says what each option means.
 */

import type { AdapterName } from "../tracer/adapter.ts";
import { rungToken } from "../tracer/vocabulary.ts";
import { OPTIONS, type RequestOption } from "./option-names.ts";
import { expectedTokens, type ResolvedRequest, resolveRequests } from "./prompt.ts";
import { isSend, type SendStep, type Trace } from "./schema.ts";

export { OPTIONS, type RequestOption };

/** Of a dice read only. */
export const PENALTIES = ["presence", "frequency", "ban"] as const satisfies readonly RequestOption[];

export interface RequestOptions {
  /** Samples with a temperature and this seed; see `isSampled`. */
  readonly seed: number | null;
  /** Only the likeliest token may be drawn: a temperature does not move dice, and where it does, this limit was lost. */
  readonly top: 1 | null;
  /** Log-probabilities wanted of so many tokens. */
  readonly logprobs: number | null;
  /** Ids that end the answer: of other answers, none of the own. */
  readonly stop: readonly number[];
  /** The only ids that may be generated: those of the own answer. Null: all. */
  readonly allow: readonly number[] | null;
  /** Ids that must not be generated: of other answers, none of the own. */
  readonly avoid: readonly number[];
  readonly priority: number | null;
  readonly salt: string | null;
  /** Null where the request does not say: then the base model answers too. */
  readonly adapter: AdapterName | "base" | null;
  /** Nats, as `Penalties` has them; null for none. */
  readonly presence: number | null;
  readonly frequency: number | null;
  /** Ids of the rungs that must not be generated. */
  readonly banned: readonly number[];
  /** So many choices; null for one. */
  readonly n: number | null;
}

/** What a request has that asks for nothing. */
export const NO_OPTIONS: RequestOptions = {
  seed: null,
  top: null,
  logprobs: null,
  stop: [],
  allow: null,
  avoid: [],
  priority: null,
  salt: null,
  adapter: null,
  presence: null,
  frequency: null,
  banned: [],
  n: null,
};

/** Whether it has a temperature: vLLM gives several choices of none that is greedy. */
export const isSampled = ({ n, seed }: Pick<RequestOptions, "n" | "seed">): boolean => seed !== null || n !== null;

/** Ids taken from one other answer: enough to hit it, few enough for a short request. */
const OF_EACH_ANSWER = 4;

/** The options of a step, in the order of `OPTIONS`. */
export function optionsIn(step: SendStep): RequestOption[] {
  return OPTIONS.filter((option) => step[option] !== undefined);
}

/** Whether the target has to have the tracer's adapters. */
export function usesAdapters(trace: Trace): boolean {
  return trace.steps.some((step) => isSend(step) && step.adapter !== undefined);
}

/** The options of every request that has any. */
export function resolveOptions(trace: Trace): ReadonlyMap<string, RequestOptions> {
  const steps = trace.steps.filter(isSend).filter((step) => optionsIn(step).length > 0);
  if (steps.length === 0) return new Map();
  const answers = new Map(Array.from(resolveRequests(trace), ([id, request]) => [id, answerOf(request)]));
  return new Map(steps.map((step) => [step.send, resolve(step, answers)]));
}

function resolve(step: SendStep, answers: ReadonlyMap<string, ReadonlySet<number>>): RequestOptions {
  const own = answers.get(step.send)!;
  const others = () => {
    const ids = [...answers.values()].flatMap((answer) =>
      [...answer].filter((id) => !own.has(id)).slice(0, OF_EACH_ANSWER),
    );
    return [...new Set(ids)].sort((a, b) => a - b);
  };
  const last = step.prompt.at(-1)!;
  const ladder = "read" in last && last.read === "dice" ? last.ladder : null;
  const { seed = null, n = null } = step;
  return {
    seed,
    top: ladder !== null && isSampled({ n, seed }) ? 1 : null,
    logprobs: step.logprobs ?? null,
    stop: step.stop ? others() : [],
    allow: step.allow ? [...own].sort((a, b) => a - b) : null,
    avoid: step.avoid ? others() : [],
    priority: step.priority ?? null,
    salt: step.salt ?? null,
    adapter: step.adapter ?? null,
    presence: step.presence ?? null,
    frequency: step.frequency ?? null,
    banned: Array.from({ length: step.ban ?? 0 }, (_, rung) => rungToken(ladder ?? 0, rung)),
    n,
  };
}

const answerOf = (request: ResolvedRequest): ReadonlySet<number> => new Set(expectedTokens(request));
