/** Reports of a run for a CI system: files, and what GitHub Actions wants to be told. */

import { appendFileSync, writeFileSync } from "node:fs";
import { formatAnnotations } from "../report/annotations.ts";
import { formatJobSummary } from "../report/job-summary.ts";
import type { RunReport } from "../report/summary.ts";
import { outputFile } from "./output.ts";

export interface ReportFiles {
  readonly junit?: string;
  readonly summaryMd?: string;
}

/**
 * Writes the files that were asked for. In a job of GitHub Actions, as its variables tell, the job's summary and
 * annotations too: those on standard error, since standard output may be for JSON alone.
 * @throws CrosstalkError OUTPUT_NOT_WRITABLE
 */
export async function writeReports(
  report: RunReport,
  { junit, summaryMd }: ReportFiles,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (environment.GITHUB_ACTIONS === "true") process.stderr.write(formatAnnotations(report));
  // The XML library is loaded by those only who want XML.
  if (junit !== undefined) put(junit, (await import("../report/junit.ts")).formatJunit(report), writeFileSync);
  if (summaryMd !== undefined) put(summaryMd, formatJobSummary(report), writeFileSync);
  const jobSummary = environment.GITHUB_STEP_SUMMARY;
  if (jobSummary) put(jobSummary, formatJobSummary(report), appendFileSync);
}

const HINT = "The findings are written all the same; see the output folder.";

const put = (file: string, text: string, write: (file: string, text: string) => void): void =>
  outputFile(file, text, HINT, write);
