/** A history on disk, with the trace that it is of. */

import { createHash } from "node:crypto";
import { CrosstalkError } from "../errors.ts";
import { type ParsedHistory, parseHistory } from "../history/jsonl.ts";
import type { History } from "../history/schema.ts";
import { formatTrace, parseTrace } from "../trace/read.ts";
import type { Trace } from "../trace/schema.ts";
import { type InputFile, inputFile } from "./input.ts";

export interface SavedRun extends ParsedHistory {
  readonly trace: Trace;
}

/**
 * @param tracePath its trace's file, or a folder that holds trace.json
 * @throws CrosstalkError INVALID_HISTORY, INVALID_TRACE
 */
export function savedRun({ path, text }: InputFile, tracePath: string): SavedRun {
  const parsed = parseHistory(text, path);
  const file = inputFile(tracePath, "trace.json", "INVALID_TRACE");
  const trace = parseTrace(file.text, file.path);
  refuseOtherTrace(file, trace, parsed.history);
  return { ...parsed, trace };
}

/**
 * What another trace would have answered says nothing of this history.
 * @throws CrosstalkError INVALID_TRACE
 */
function refuseOtherTrace(file: InputFile, trace: Trace, { header }: History): void {
  const { sha256, name } = header.trace;
  const hashes = [file.text, formatTrace(trace)].map((text) => createHash("sha256").update(text).digest("hex"));
  if (hashes.includes(sha256)) return;
  throw new CrosstalkError(
    "INVALID_TRACE",
    `${file.path} is not the trace of this history, which is of ${name} (sha256 ${sha256})`,
    "The trace that ran is wanted, as it was written: a changed one has other answers.",
  );
}
