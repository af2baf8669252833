/** A campaign as its folder has it, and the page that is made of it. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatCampaignHtml } from "../report/campaign-html.ts";
import { parseRunLines } from "../report/run-line.ts";
import { parseSummary, type RunReport } from "../report/summary.ts";
import { inputFile } from "./input.ts";
import { savedFinding } from "./saved-finding.ts";

export const SUMMARY_FILE = "summary.json";
export const RUNS_FILE = "runs.jsonl";
export const PAGE_FILE = "report.html";

/** Where a campaign's folder has a finding. */
export const findingFolder = (folder: string, id: string): string => join(folder, "findings", id);

/** @throws CrosstalkError INVALID_SUMMARY and those of `savedFinding`, naming the file */
export function savedCampaign(folder: string): RunReport {
  const { path, text } = inputFile(join(folder, SUMMARY_FILE), SUMMARY_FILE, "INVALID_SUMMARY");
  const summary = parseSummary(text, path);
  // Reports name the folder that a finding had when it was found; it may have been moved since.
  const findings = summary.findings.map(({ id, repro }) => {
    return { finding: savedFinding(findingFolder(folder, id)), folder: repro };
  });
  return { summary, findings };
}

/** `report.html` of a campaign. @throws CrosstalkError INVALID_SUMMARY where `runs.jsonl` is broken */
export function campaignPage(folder: string, report: RunReport): string {
  const path = join(folder, RUNS_FILE);
  // A campaign that could not start has none.
  return formatCampaignHtml(report, existsSync(path) ? parseRunLines(readFileSync(path, "utf8"), path) : []);
}
