/** What a dialect is to the server that speaks it, and what all dialects have in common. */

import type { ServerResponse } from "node:http";
import { z } from "zod";
import type { Sampling } from "../../src/lab/sampler.ts";
import type { Sentences } from "../../src/trace/options.ts";
import { ADAPTERS } from "../../src/tracer/adapter.ts";
import { tokenName, VOCABULARY_SIZE } from "../../src/tracer/vocabulary.ts";
import type { LiveLab } from "./live-lab.ts";

/** One HTTP call, with its whole body. */
export interface Call {
  readonly query: URLSearchParams;
  /** The number that its path ends with, where it does. */
  readonly number: number;
  readonly body: string;
  readonly response: ServerResponse;
}

/** What is answered by an error status: thrown by handlers. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Handlers by method and path; `:number` stands for a number at the path's end. */
export type Routes = Readonly<Record<string, (call: Call) => void>>;

export interface LabDialect {
  readonly routes: (lab: LiveLab) => Routes;
  /** The body of a reply with an error status. */
  readonly error: (status: number, message: string) => unknown;
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}

export function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(body);
}

/** Server-sent events; the head goes out with the first, or by `open`. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  open(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, { "content-type": "text/event-stream" });
    this.#response.flushHeaders();
  }

  send(data: unknown): void {
    this.open();
    this.#response.write(`data: ${JSON.stringify(data)}\n\n`);
  }

  /** Ends as OpenAI's streams do. */
  done(): void {
    this.open();
    this.#response.end("data: [DONE]\n\n");
  }
}

/** A Prometheus series: its name, with labels where it has any, its type and value. */
export type Series = readonly [name: string, type: "counter" | "gauge", value: number];

export function metrics(response: ServerResponse, series: readonly Series[]): void {
  const lines = series.map(([name, type, n]) => `# TYPE ${name.replace(/\{.*/, "")} ${type}\n${name} ${n}\n`);
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(lines.join(""));
}

/** A prompt of token ids: the lab has no tokenizer. */
export const tokenIds = z.array(z.int()).min(1);

/** Fields of sampling that dialects call alike. */
export const samplingFields = {
  temperature: z.number().optional(),
  top_k: z.int().optional(),
  presence_penalty: z.number().optional(),
  frequency_penalty: z.number().optional(),
};
/** The same of OpenAI's completions, and what the lab refuses of them. */
export const openAiFields = {
  n: z.literal(1, "the lab gives one answer").optional(),
  stop: z.array(z.never("the lab has no stop strings")).nullish(),
  stop_token_ids: z.array(z.never("the lab has no stop tokens")).nullish(),
  logit_bias: z.record(z.string().regex(/^\d+$/), z.number()).nullish(),
  ...samplingFields,
};
type OpenAiFields = z.infer<z.ZodObject<typeof openAiFields>>;

/** By OpenAI's rules a temperature that is left out is 1. */
export function openAiSampling(
  { temperature = 1, ...asked }: Omit<OpenAiFields, "n">,
  seed: number | undefined,
): Sampling {
  const bias = Object.entries(asked.logit_bias ?? {}).map(([id, nats]) => [Number(id), nats] as const);
  return samplingOf({ ...asked, temperature }, seed, bias);
}

/** What `/v1/models` calls the model. */
export const MODEL = "tracer";

/** The reply of `/v1/models`. @param card what is told of a model, or of an adapter of `parent` */
export function modelList(adapters: boolean, card: (id: string, parent: string | null) => object): object {
  return { object: "list", data: [card(MODEL, null), ...(adapters ? ADAPTERS : []).map((name) => card(name, MODEL))] };
}

type SamplingFields = z.infer<z.ZodObject<typeof samplingFields>>;

/** @param bias ids and what their logits get: a bias against a token bans it */
export function samplingOf(
  { temperature = 0, top_k, presence_penalty = 0, frequency_penalty = 0 }: SamplingFields,
  seed = 0,
  bias: readonly (readonly [id: number, nats: number])[] = [],
): Sampling {
  return {
    temperature,
    seed,
    topK: Math.max(0, top_k ?? 0),
    presence: presence_penalty,
    frequency: frequency_penalty,
    banned: bias.flatMap(([id, nats]) => (nats < 0 ? id : [])),
  };
}

/** @throws Refusal for what is not JSON or not of the form */
export function parseBody<T>(schema: z.ZodType<T>, body: string): T {
  let data: unknown;
  try {
    data = JSON.parse(body);
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${(error as Error).message}`);
  }
  const { success, data: parsed, error } = schema.safeParse(data);
  if (success) return parsed;
  const issue = error.issues[0]!;
  throw new Refusal(400, `"${issue.path.join(".")}": ${issue.message} (the lab takes prompts as token ids)`);
}

/** @throws Refusal for a token outside of the vocabulary, in the words of the engine */
export function refuseForeignTokens(prompt: readonly number[], words: (id: number) => string): void {
  const foreign = prompt.find((id) => id < 0 || id >= VOCABULARY_SIZE);
  if (foreign !== undefined) throw new Refusal(400, words(foreign));
}

/** Token names apart by blanks, as the tracer's tokenizer writes them. */
export const spelling = (ids: readonly number[]): string => ids.map((id) => ` ${tokenName(id)}`).join("");

/** The cache salt of a request that may give several keys: each makes its cells others'. */
export function saltOf(...keys: readonly (string | null | undefined)[]): string | null {
  const given = keys.filter((key) => key != null);
  return given.length > 1 ? JSON.stringify(given) : (given[0] ?? null);
}

/** A token that answers have, with the blank before it where there is one. */
const NAME = /\s?(p[0-9a-f]{3}|scan\.[0-9a-f]{3}|rung\.\d\.\d+)/y;
const IDS = new Map(Array.from({ length: VOCABULARY_SIZE }, (_, id) => [tokenName(id), id]));

/** What a grammar's sentences are token by token. @throws Refusal for a text that is not names of tokens */
export function sentencesOf(texts: readonly string[]): Sentences {
  return texts.map((text) => {
    const ids: number[] = [];
    const name = new RegExp(NAME);
    while (name.lastIndex < text.length) {
      const id = IDS.get(name.exec(text)?.[1] ?? "");
      if (id === undefined) throw new Refusal(400, `the lab knows grammars of its answers' tokens only, not "${text}"`);
      ids.push(id);
    }
    return ids;
  });
}

/** The sentences of a grammar that lists them: `root ::= "..." | "..."`. @throws Refusal for any other */
export function sentencesOfGrammar(grammar: string): Sentences {
  const [, rule] = /^\s*root\s*::=\s*(".*")\s*$/s.exec(grammar) ?? [];
  if (rule === undefined) throw new Refusal(400, "the lab knows grammars that list their sentences only");
  return sentencesOf(rule.slice(1, -1).split(/"\s*\|\s*"/));
}
