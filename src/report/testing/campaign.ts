/** A campaign made by hand, for the tests of its reports. No engine was run for it. */

import { type Baseline, NO_BASELINE } from "../../baseline.ts";
import type { LawTally } from "../../campaign.ts";
import { addCoverage, coverage, NO_COVERAGE } from "../../check/coverage.ts";
import { toRun } from "../../check/property.ts";
import { pass, type Verdict } from "../../check/verdict.ts";
import { exampleFinding } from "../example.ts";
import { type RunLine, runLine } from "../run-line.ts";
import { type RunReport, type SummaryParts, summarise, summarySchema } from "../summary.ts";

const finding = exampleFinding();
const OWN_CELLS = finding.law.id;

export interface CampaignMade {
  readonly report: RunReport;
  readonly runs: readonly RunLine[];
}

/** A law as it fared. */
export function tally(id: string, counts: Partial<LawTally>): LawTally {
  const law: LawTally["law"] = { id, title: id, law: id, needs: [], appliesTo: () => true, check: () => pass("") };
  const none = { passed: 0, known: 0, inconclusive: 0, failed: 0, unconfirmed: 0, reason: "", status: "pass" } as const;
  return { ...none, law, ...counts };
}

/** Traces of which all but those in `broken`, by number from 1, are clean. */
export function runsOf(traces: number, ...broken: readonly number[]): RunLine[] {
  const looked = coverage([toRun(finding.trace, finding.history)]);
  return Array.from({ length: traces }, (_, i) => {
    const fails = broken.includes(i + 1);
    const verdict: Verdict = fails
      ? { status: "fail", reason: "", witnesses: [{ request: "r2", index: 16, expected: "", observed: "" }] }
      : pass("");
    const trace = { ...finding.trace, name: i === 0 ? "cancel-storm" : `seed ${i}` };
    return runLine(trace, new Map([[OWN_CELLS, verdict]]), looked);
  });
}

function made(runs: readonly RunLine[], laws: readonly LawTally[], parts: Partial<SummaryParts>): CampaignMade {
  const total = runs.reduce((sum, { counts }) => addCoverage(sum, counts), NO_COVERAGE);
  const status = laws[0]!.status;
  const findings = parts.findings ?? [];
  const summary = summarise({
    seed: 1,
    description: finding.target,
    result: { status, traces: runs.length, coverage: total, laws, findings: findings.map((one) => one.finding) },
    findings,
    baseline: NO_BASELINE,
    today: "2026-11-29",
    ran: { traces: runs.length, coverage: total, lawBroken: status === "fail" },
    out: "crosstalk-out/run",
    runsLeftOut: 0,
    error: null,
    ...parts,
  });
  summarySchema.parse(summary);
  return { report: { summary, findings }, runs };
}

export function cleanCampaign(traces = 12, parts: Partial<SummaryParts> = {}): CampaignMade {
  const reason = "24 tokens read 900 cells, 700 of them after a risky event";
  return made(runsOf(traces), [tally(OWN_CELLS, { passed: traces, reason })], parts);
}

/** Traces 3 and 9 broke a law. */
export function brokenCampaign(baseline: Baseline = NO_BASELINE): CampaignMade {
  const runs = runsOf(12, 3, 9);
  const findings = [{ finding, folder: `crosstalk-out/run/findings/${finding.id}` }];
  const reason = "1 request read cells that are not theirs";
  if (baseline.known.length > 0) {
    const known = tally(OWN_CELLS, { status: "known", known: 2, passed: 10, reason: "broken as is known" });
    return made(runs, [known], { findings, baseline });
  }
  return made(runs, [tally(OWN_CELLS, { status: "fail", failed: 2, passed: 10, reason })], { findings });
}
