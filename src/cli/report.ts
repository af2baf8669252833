/** `crosstalk report`: write the reports of a finding or a campaign again, from what its folder has saved. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { CrosstalkError } from "../errors.ts";
import { type Files, reportFiles } from "../report/repro-folder.ts";
import type { RunReport } from "../report/summary.ts";
import { count } from "../report/wording.ts";
import { EXIT } from "./exit.ts";
import { outputFile } from "./output.ts";
import { type ReportFiles, writeReports } from "./reports.ts";
import { campaignPage, findingFolder, PAGE_FILE, SUMMARY_FILE, savedCampaign } from "./saved-campaign.ts";
import { FINDING_FILE, savedFinding } from "./saved-finding.ts";

export interface ReportOptions extends ReportFiles {
  readonly json?: boolean;
}

/** Files by path, and the findings that they are of. */
interface Reports {
  readonly files: Files;
  readonly findings: readonly string[];
  /** Of a campaign only. */
  readonly campaign: RunReport | null;
}

/**
 * Everything is read before the first file is written: what cannot be read changes nothing. It reports and does not
 * judge: findings, too, end with exit code 0.
 */
export async function report(folder: string, options: ReportOptions): Promise<number> {
  const { campaign, files, findings } = reportsOf(folder, options);
  const hint = "Make room, or make the folder writable, and run it again: what reports are made of is untouched.";
  for (const [path, text] of files) outputFile(path, text, hint);
  if (campaign !== null) await writeReports(campaign, options, {});
  const written = [...files.keys(), options.junit, options.summaryMd].filter((path) => path !== undefined);
  if (options.json) process.stdout.write(`${JSON.stringify({ folder, findings, written })}\n`);
  else {
    process.stdout.write(`${count(written.length, "file")} written; the page is ${join(folder, PAGE_FILE)}\n`);
  }
  return EXIT.clean;
}

function reportsOf(folder: string, { junit, summaryMd }: ReportOptions): Reports {
  if (existsSync(join(folder, FINDING_FILE))) {
    if (junit === undefined && summaryMd === undefined) return findingReports(folder);
    const hint = "Give the campaign's folder, which has summary.json.";
    throw new CrosstalkError("INVALID_OPTION", "--junit and --summary-md are of a whole campaign", hint);
  }
  if (existsSync(join(folder, SUMMARY_FILE))) return campaignReports(folder);
  throw new CrosstalkError(
    "NOTHING_TO_REPORT",
    `${folder} is neither a finding's folder (no ${FINDING_FILE}) nor a campaign's (no ${SUMMARY_FILE})`,
    "Give what `crosstalk run` wrote, or one of its findings. A run that was killed has no summary: give its findings.",
  );
}

function findingReports(folder: string): Reports {
  const finding = savedFinding(folder);
  return { files: within(folder, reportFiles(finding)), findings: [finding.id], campaign: null };
}

function campaignReports(folder: string): Reports {
  const campaign = savedCampaign(folder);
  const files = campaign.findings.flatMap(({ finding }) => [
    ...within(findingFolder(folder, finding.id), reportFiles(finding)),
  ]);
  files.push([join(folder, PAGE_FILE), campaignPage(folder, campaign)]);
  return { files: new Map(files), findings: campaign.findings.map(({ finding }) => finding.id), campaign };
}

const within = (folder: string, files: Files): Files =>
  new Map(Array.from(files, ([name, text]) => [join(folder, name), text]));
