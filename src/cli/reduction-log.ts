/** A reduction on disk, a JSON object a line: what it started from and what became of each candidate. */

import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { z } from "zod";
import { type Run, toRun } from "../check/property.ts";
import { formatHistory, parseHistory } from "../history/jsonl.ts";
import type { CandidateRuns, ReductionLog } from "../investigate.ts";
import { parseJson } from "../parse-json.ts";
import { formatTrace, parseTrace } from "../trace/read.ts";
import type { Trace } from "../trace/schema.ts";
import { outputFile } from "./output.ts";

const HINT = "Choose a folder with --out that is writable and has room.";
const VERSION = "crosstalk-reduction/1";

const runSchema = z.strictObject({ history: z.string(), log: z.array(z.string()) });
const headSchema = z.strictObject({
  crosstalk: z.literal(VERSION),
  law: z.string(),
  trace: z.string(),
  failed: runSchema,
});
const candidateSchema = z.strictObject({
  trace: z.string(),
  outcomes: z.array(z.boolean()),
  failed: runSchema.nullable(),
});

/** What a reduction starts from. */
export interface Beginning {
  /** Id of the law that broke. */
  readonly law: string;
  readonly run: Run;
}

/** A candidate of an earlier session, and where the file goes on behind it, in bytes. */
interface Earlier extends CandidateRuns {
  readonly trace: string;
  readonly end: number;
}

export class ReductionFile implements ReductionLog {
  readonly beginning: Beginning;
  readonly #file: string;
  /** As far as they have not come again yet. */
  readonly #earlier: Earlier[];
  /** Where the next candidate is written: what stands behind it is of no use. */
  #end: number;

  private constructor(file: string, beginning: Beginning, end: number, earlier: Earlier[] = []) {
    this.#file = file;
    this.beginning = beginning;
    this.#end = end;
    this.#earlier = earlier;
  }

  /** Begins a file anew. @throws CrosstalkError OUTPUT_NOT_WRITABLE */
  static begin(file: string, beginning: Beginning): ReductionFile {
    const { law, run } = beginning;
    const head = line({ crosstalk: VERSION, law, trace: formatTrace(run.trace), failed: written(run) });
    outputFile(file, head, HINT);
    return new ReductionFile(file, beginning, Buffer.byteLength(head));
  }

  /** Goes on with a file; null if there is none. @throws CrosstalkError INVALID_REDUCTION */
  static resume(file: string): ReductionFile | null {
    if (!existsSync(file)) return null;
    // A session that was cut off may have left half a line.
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    const head = parsed(headSchema, lines[0] ?? "", file, 1);
    const trace = parseTrace(head.trace, file);
    const begin = Buffer.byteLength(`${lines[0]}\n`);
    let end = begin;
    const earlier = lines.slice(1).map((json, i) => {
      const { failed, ...rest } = parsed(candidateSchema, json, file, i + 2);
      end += Buffer.byteLength(`${json}\n`);
      return { ...rest, end, failed: failed === null ? null : read(failed, parseTrace(rest.trace, file)) };
    });
    return new ReductionFile(file, { law: head.law, run: read(head.failed, trace) }, begin, earlier);
  }

  /** Candidates of the earlier session that have not come again. */
  get left(): number {
    return this.#earlier.length;
  }

  recall(trace: Trace): CandidateRuns | null {
    const [next] = this.#earlier;
    if (next === undefined) return null;
    if (next.trace !== formatTrace(trace)) {
      this.#earlier.length = 0;
      return null;
    }
    this.#earlier.shift();
    this.#end = next.end;
    return next;
  }

  note(trace: Trace, { outcomes, failed }: CandidateRuns): void {
    const entry = line({ trace: formatTrace(trace), outcomes, failed: failed && written(failed) });
    outputFile(this.#file, entry, HINT, (file, text) => {
      truncateSync(file, this.#end);
      appendFileSync(file, text);
    });
    this.#end += Buffer.byteLength(entry);
    this.#earlier.length = 0;
  }
}

const line = (entry: unknown) => `${JSON.stringify(entry)}\n`;

const written = ({ history, log = [] }: Run) => ({ history: formatHistory(history), log });

const read = ({ history, log }: z.infer<typeof runSchema>, trace: Trace): Run => ({
  ...toRun(trace, parseHistory(history).history),
  log,
});

const parsed = <T>(schema: z.ZodType<T>, json: string, file: string, number: number): T =>
  parseJson(json, schema, {
    source: `${file}, line ${number}`,
    code: "INVALID_REDUCTION",
    hint: "Delete the file to begin the reduction anew.",
  });
