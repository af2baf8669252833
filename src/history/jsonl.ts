/** Reading and writing histories, a JSON object a line. */

import type { ZodType } from "zod";
import { CrosstalkError } from "../errors.ts";
import { eventSchema, HISTORY_VERSION, type History, type HistoryEvent, headerSchema } from "./schema.ts";

export function formatHistory(history: History): string {
  return [history.header, ...history.events].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** A history, and where it breaks off if it does. */
export interface ParsedHistory {
  readonly history: History;
  /** Set when the text ends in the middle of a line or without its `end` event: what was lost. */
  readonly truncated: string | null;
}

/**
 * Reads a history. A last line that is cut short is dropped and reported, not an error.
 * @throws CrosstalkError INVALID_HISTORY, naming the line and field
 */
export function parseHistory(text: string, source = "history"): ParsedHistory {
  const lines = text.split("\n");
  const tail = lines.pop() ?? "";
  const fail = (line: number, message: string, hint = "docs/history.md describes every field.") =>
    new CrosstalkError("INVALID_HISTORY", `${source}, line ${line}: ${message}`, hint);
  const read = <T>(schema: ZodType<T>, json: string, line: number): T => {
    let data: unknown;
    try {
      data = JSON.parse(json);
    } catch (cause) {
      throw fail(line, `not JSON: ${(cause as Error).message}`);
    }
    const result = schema.safeParse(data);
    if (result.success) return result.data;
    const issue = result.error.issues[0]!;
    throw fail(line, `field "${issue.path.join(".") || "(whole)"}": ${issue.message}`);
  };

  if (lines.length === 0) throw fail(1, tail === "" ? "the file is empty" : "cut short within the header");
  const version = /"crosstalk":\s*"([^"]*)"/.exec(lines[0]!)?.[1];
  if (version !== HISTORY_VERSION) {
    throw fail(
      1,
      `field "crosstalk" is ${version ?? "missing"}, expected ${HISTORY_VERSION}`,
      "Is this a history written by this version of Crosstalk?",
    );
  }
  const header = read(headerSchema, lines[0]!, 1);
  const events: HistoryEvent[] = lines.slice(1).map((line, i) => read(eventSchema, line, i + 2));
  const cut =
    tail !== "" ? `line ${lines.length + 1} is cut short` : events.at(-1)?.e !== "end" ? "the run did not end" : null;
  return { history: { header, events }, truncated: cut };
}
