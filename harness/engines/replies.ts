/** What profiles read out of an engine's replies and arguments. */

import type { z } from "zod";

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
