/**
 * What a request asks for beside its prompt. Its adapter moves the right answer, and so do penalties and grammars that of
 * dice reads, in a way that is known; nothing else may change one: what does is another request's, leaked.
 * `docs/trace.md` says what each option means.
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
  /** The answer must be one of these; null: it may be anything. */
  readonly grammar: Sentences | null;
  /** The client's name for it. */
  readonly requestId: string | null;
  readonly session: string | null;
  /** An embedding in the place of an answer. */
  readonly embed: boolean;
}

/**
 * The sentences of a grammar, token by token, all of one length: the own answer first, and then what up to three other
 * requests of the trace would answer, as long as that.
 *
 * No two begin alike, so the first token decides which sentence it is, and from then on a grammar allows one token at a
 * time. The tokens of a narrow answer differ from each other: a state that is late, early or reset gives another one of
 * them. A state that is lost gives what the model says: so dice are told to count, down the ladder, where without a
 * grammar they stay on its top rung. In another's row any of these gives tokens that are not that row's. The sentences of
 * others are there so that a state is more than a count, and an answer that is another's as a whole can be spelled.
 */
export type Sentences = readonly (readonly number[])[];

const MOST_SENTENCES = 4;

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
  grammar: null,
  requestId: null,
  session: null,
  embed: false,
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
  const requests = resolveRequests(trace);
  const answers = new Map(Array.from(requests, ([id, request]) => [id, answerOf(request)]));
  return new Map(steps.map((step) => [step.send, resolve(step, answers, requests)]));
}

function resolve(
  step: SendStep,
  answers: ReadonlyMap<string, ReadonlySet<number>>,
  requests: ReadonlyMap<string, ResolvedRequest>,
): RequestOptions {
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
    grammar: step.grammar ? sentencesOf(requests.get(step.send)!, requests.values()) : null,
    requestId: step.requestId ?? null,
    session: step.session ?? null,
    embed: step.embed ?? false,
  };
}

function sentencesOf(own: ResolvedRequest, all: Iterable<ResolvedRequest>): Sentences {
  const sentences = [[...expectedTokens(own)]];
  for (const other of all) {
    if (sentences.length === MOST_SENTENCES) break;
    const sentence = [...expectedTokens({ ...other, maxTokens: own.maxTokens })];
    if (sentences.every(([first]) => first !== sentence[0])) sentences.push(sentence);
  }
  return sentences;
}

const answerOf = (request: ResolvedRequest): ReadonlySet<number> => new Set(expectedTokens(request));
