/** Asks a server for the two likeliest tokens after each read of a long prompt. */

import { z } from "zod";
import type { EngineClient } from "../../harness/engine-client.ts";
import { seededRandom } from "../../src/random.ts";
import { narrowRead } from "../../src/tracer/read-tokens.ts";
import { nonceToken } from "../../src/tracer/vocabulary.ts";
import { farReads, NONCE } from "../far-reads.ts";
import type { Subject } from "./subjects.ts";

/** The smallest margin of each kind of read, nats; NaN where a right token was not the likeliest. */
export interface Margins {
  readonly subject: Subject;
  readonly version: string;
  /** Tokens before the read. */
  readonly context: number;
  readonly narrow: number;
  readonly scan: number;
  readonly find: number;
  /** Narrow reads, the nearest and the farthest among them. */
  readonly distances: number;
  readonly seconds: number;
}

/** Likeliest first. */
type Likely = readonly { readonly id: number; readonly logprob: number }[];

export async function marginsOf(
  client: EngineClient,
  subject: Subject,
  version: string,
  context: number,
): Promise<Margins> {
  const started = performance.now();
  const { backs, find, payload, scan } = farReads(context, seededRandom(context));
  const prompt = [nonceToken(NONCE), ...payload.subarray(1)];
  const margin = async (read: readonly number[], right: number): Promise<number> => {
    const [first, second] = await LIKELY[subject.engine](client, [...prompt, ...read]);
    return first!.id === right ? first!.logprob - second!.logprob : Number.NaN;
  };
  const narrow: number[] = [];
  for (const back of backs) narrow.push(await margin(narrowRead(back), prompt[context - back]!));
  return {
    subject,
    version,
    context,
    narrow: Math.min(...narrow),
    scan: await margin([scan], scan),
    find: await margin(find.read, find.right),
    distances: backs.length,
    seconds: (performance.now() - started) / 1000,
  };
}

const llamaReply = z.object({
  completion_probabilities: z.tuple([
    z.object({ top_logprobs: z.array(z.object({ id: z.int(), logprob: z.number() })).min(2) }),
  ]),
});
const vllmReply = z.object({
  choices: z.tuple([z.object({ logprobs: z.object({ top_logprobs: z.tuple([z.record(z.string(), z.number())]) }) })]),
});

const LIKELY: Record<Subject["engine"], (client: EngineClient, prompt: readonly number[]) => Promise<Likely>> = {
  "llama.cpp": async (client, prompt) => {
    const body = { prompt, n_predict: 1, temperature: 0, n_probs: 2, cache_prompt: true };
    const reply = llamaReply.parse(JSON.parse((await client.post("/completion", body)).text));
    return reply.completion_probabilities[0].top_logprobs;
  },
  vllm: async (client, prompt) => {
    const body = { prompt, max_tokens: 1, temperature: 0, logprobs: 2, return_tokens_as_token_ids: true };
    const reply = vllmReply.parse(JSON.parse((await client.post("/v1/completions", body)).text));
    return Object.entries(reply.choices[0].logprobs.top_logprobs[0])
      .map(([name, logprob]) => ({ id: Number(name.replace("token_id:", "")), logprob }))
      .sort((a, b) => b.logprob - a.logprob);
  },
};
