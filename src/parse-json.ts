/** Reading a file of JSON by its schema. */

import { type ZodType, z } from "zod";
import { CrosstalkError, type CrosstalkErrorCode } from "./errors.ts";

export interface JsonSource {
  /** The file, for messages. */
  readonly source: string;
  readonly code: CrosstalkErrorCode;
  readonly hint: string;
}

/** @throws CrosstalkError of the given code, naming the file and the field */
export function parseJson<T>(text: string, schema: ZodType<T>, { source, code, hint }: JsonSource): T {
  const invalid = (message: string, cause: unknown) =>
    new CrosstalkError(code, `${source}: ${message}`, hint, { cause });
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw invalid(`not JSON: ${(cause as Error).message}`, cause);
  }
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  throw invalid(z.prettifyError(result.error), result.error);
}
