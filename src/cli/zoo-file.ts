/** Finished rows of a zoo on disk, a JSON object a line: a zoo that was interrupted goes on from there. */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { ANOMALY_CLASSES } from "../check/finding.ts";
import { parseJson } from "../parse-json.ts";
import { HUNTERS } from "../zoo/hunt.ts";
import { outputFile } from "./output.ts";

const HINT = "Choose a file with --save that is writable and has room.";

const count = z.int().nonnegative();
const huntedSchema = z.strictObject({
  found: z.boolean(),
  requests: count,
  traces: count,
  inScenario: z.boolean(),
  simulatedMs: z.number().nonnegative(),
  finding: z
    .strictObject({
      law: z.string(),
      class: z.enum(ANOMALY_CLASSES),
      named: z.boolean(),
      requests: count,
      cancels: count,
    })
    .nullable(),
});
const rateSchema = z.strictObject({ failed: count, runs: count, low: z.number(), high: z.number() });
const lineSchema = z.strictObject({
  /** What was run, with all options that it depends on. */
  of: z.string(),
  row: z
    .strictObject({
      hunts: z.record(z.enum(HUNTERS), z.array(huntedSchema)),
      rate: rateSchema.nullable(),
      /** Processor time of each of Crosstalk's hunts. */
      huntMs: z.array(count),
    })
    .optional(),
  clean: z.strictObject({ lab: z.string(), requests: count, alarms: count }).optional(),
});

type Line = z.infer<typeof lineSchema>;
export type SavedRow = NonNullable<Line["row"]>;

export interface ZooFile {
  /** What was saved of this, if it was. */
  recall(of: string): Omit<Line, "of">;
  save(line: Line): void;
}

export const NO_FILE: ZooFile = { recall: () => ({}), save: () => {} };

/** @throws CrosstalkError INVALID_OPTION for a file that holds something else */
export function zooFile(file: string): ZooFile {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  // What was cut off in the middle of a line is written anew.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const saved = new Map<string, Line>();
  for (const [i, json] of whole.split("\n").slice(0, -1).entries()) {
    const source = `--save ${file}, line ${i + 1}`;
    const line = parseJson(json, lineSchema, { source, code: "INVALID_OPTION", hint: "Give a file of its own." });
    saved.set(line.of, line);
  }
  outputFile(file, whole, HINT);
  return {
    recall: (of) => saved.get(of) ?? {},
    save: (line) => outputFile(file, `${JSON.stringify(line)}\n`, HINT, appendFileSync),
  };
}
