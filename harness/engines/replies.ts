/** What profiles read out of an engine's replies and arguments. */

import { z } from "zod";
import { ADAPTERS } from "../../src/tracer/adapter.ts";
import type { Reply } from "../engine-client.ts";
import type { Capability, EmbeddingReply, EngineProfile } from "./profile.ts";

/** Null for text that is no JSON, or JSON of another form. */
export function parseReply<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

const errorReply = z.object({ error: z.object({ message: z.string() }) });

/** What is wrong, in the words of an engine that answers `{"error": {"message": ...}}`, or else its reply. */
export const errorMessage = (body: string): string =>
  parseReply(errorReply, body)?.error.message ?? body.trim().slice(0, 300);

const models = z.object({ data: z.array(z.object({ id: z.string(), max_model_len: z.int().nullish() })).min(1) });

/** The reply of `/v1/models`: the context of the model in tokens, null where it is not told, and whether it has the adapters. */
export function servedModels(body: string): { readonly contextTokens: number | null; readonly adapters: boolean } {
  const served = parseReply(models, body)?.data ?? [];
  return {
    contextTokens: served[0]?.max_model_len ?? null,
    adapters: ADAPTERS.every((adapter) => served.some(({ id }) => id === adapter)),
  };
}

const embeddings = z.object({
  data: z.array(z.object({ embedding: z.array(z.number()) })).length(1),
  usage: z.object({ prompt_tokens_details: z.object({ cached_tokens: z.int().nullish() }).nullish() }).nullish(),
});

/** OpenAI's reply to a request for one embedding. */
export function openAiEmbedding(body: string): EmbeddingReply {
  const { data, usage } = embeddings.parse(JSON.parse(body));
  return { vector: data[0]!.embedding, cached: usage?.prompt_tokens_details?.cached_tokens ?? null };
}

/** Value of an argument, as `--name value` or `--name=value`; the last of its kind wins. */
export function argumentOf(args: readonly string[], ...names: readonly string[]): string | null {
  const at = args.findLastIndex((word) => names.includes(word.split("=", 1)[0]!));
  if (at < 0) return null;
  const [, value] = /=(.*)/s.exec(args[at]!) ?? [];
  return value ?? args[at + 1] ?? null;
}

/** What a trial call showed: a capability where it succeeded, else the engine's reason and what to do about it. */
export function capability({ readError }: Pick<EngineProfile, "readError">, reply: Reply, advice: string): Capability {
  if (reply.status === 200) return { can: true };
  return { can: false, reason: `HTTP ${reply.status}: ${readError(reply.text)} (${advice})` };
}
