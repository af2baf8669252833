/** OpenAI's `/v1/embeddings`, which all dialects have alike. The vector of a token is one that the tracer's output matrix takes for it. */

import type { ServerResponse } from "node:http";
import { z } from "zod";
import { NO_TOKEN } from "../../src/target/embedding.ts";
import { readoutOf } from "../../src/tracer/readout.ts";
import {
  type Call,
  json,
  type LabDialect,
  MODEL,
  parseBody,
  refuseForeignTokens,
  saltOf,
  tokenIds,
} from "./dialect.ts";
import type { Finished, LiveLab, Reply } from "./live-lab.ts";

const body = z.object({
  model: z.string().default(MODEL),
  input: tokenIds,
  encoding_format: z.literal("float", "the lab writes numbers").optional(),
  cache_prompt: z.boolean().default(true),
  cache_salt: z.string().min(1).nullish(),
  /** SGLang's; beside a salt it makes another one. */
  extra_key: z.string().min(1).nullish(),
  priority: z.int().default(0),
});
type Asked = z.infer<typeof body>;

/** The route, for a dialect that words its errors so. */
export const embed =
  (lab: LiveLab, error: LabDialect["error"]) =>
  ({ body: text, response }: Call): void => {
    const asked = parseBody(body, text);
    const { cache_prompt, cache_salt, extra_key, input, priority } = asked;
    refuseForeignTokens(input, (id) => `Token id ${id} is out of vocabulary`);
    const request = {
      prompt: input,
      maxTokens: 1,
      cache: cache_prompt,
      salt: saltOf(extra_key, cache_salt),
      priority,
      embed: true,
    };
    lab.submit(request, new EmbeddingReply(lab, asked, error, response), response);
  };

class EmbeddingReply implements Reply {
  readonly #lab: LiveLab;
  readonly #asked: Asked;
  readonly #error: LabDialect["error"];
  readonly #response: ServerResponse;
  #token: number | null = null;

  constructor(lab: LiveLab, asked: Asked, error: LabDialect["error"], response: ServerResponse) {
    this.#lab = lab;
    this.#asked = asked;
    this.#error = error;
    this.#response = response;
  }

  tokens([token]: readonly number[]): void {
    this.#token = token ?? null;
  }

  finish({ cached }: Finished): void {
    this.#answer({ prompt_tokens_details: { cached_tokens: cached ?? 0 } });
  }

  /** A vector that stands for no token is one all the same. */
  refuse(message: string, code: string): void {
    if (code === NO_TOKEN.code) this.#answer({});
    else json(this.#response, 400, this.#error(400, message));
  }

  #answer(details: object): void {
    const { input, model } = this.#asked;
    const embedding = readoutOf(this.#lab.engine.config.shape).vectorOf(this.#token);
    json(this.#response, 200, {
      object: "list",
      model,
      data: [{ object: "embedding", index: 0, embedding }],
      usage: { prompt_tokens: input.length, total_tokens: input.length, ...details },
    });
  }
}
