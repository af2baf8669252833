/** What profiles read out of an engine's replies and arguments. */

import type { z } from "zod";
import type { Reply } from "../engine-client.ts";
import type { Capability, EngineProfile } from "./profile.ts";

/** Null for text that is no JSON, or JSON of another form. */
export function parseReply<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
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
