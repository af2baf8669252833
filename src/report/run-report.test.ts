/** Reports of a whole run, for CI systems. */

import { XMLParser, XMLValidator } from "fast-xml-parser";
import { expect, test } from "vitest";
import { type Baseline, NO_BASELINE } from "../baseline.ts";
import { NO_COVERAGE } from "../check/coverage.ts";
import { signatureOf } from "../check/signature.ts";
import { CrosstalkError } from "../errors.ts";
import { formatAnnotations } from "./annotations.ts";
import { exampleFinding } from "./example.ts";
import { formatJobSummary } from "./job-summary.ts";
import { formatJunit } from "./junit.ts";
import { NOTHING_RAN, type RunReport, type SummaryParts, summarise, summarySchema } from "./summary.ts";
import { tally } from "./testing/campaign.ts";

const finding = exampleFinding();
const findings = [{ finding, folder: "crosstalk-out/run/findings/own-cells-only-1f3a9c" }];

const coverage = { ...NO_COVERAGE, requests: 1218, cancels: 274, cells: { held: 900, read: 800, readAfterRisk: 700 } };
const laws = [
  tally("own-cells-only", {
    status: "fail",
    failed: 1,
    passed: 11,
    reason: "2 requests read cells that are not theirs",
  }),
  tally("cancelled-prefix", { status: "inconclusive", inconclusive: 12, reason: "no cancel landed | at all" }),
  tally("settles", { passed: 12, reason: "1218 requests settled" }),
];

function report(parts: Partial<SummaryParts> = {}): RunReport {
  const summary = summarise({
    seed: 1,
    description: finding.target,
    result: { status: "fail", traces: 12, coverage, laws, findings: [finding] },
    findings,
    baseline: NO_BASELINE,
    today: "2026-11-29",
    ran: { traces: 12, coverage, lawBroken: true },
    out: "crosstalk-out/run",
    runsLeftOut: 0,
    error: null,
    ...parts,
  });
  summarySchema.parse(summary);
  return { summary, findings: parts.findings ?? findings };
}

const baseline = (expires: string): Baseline => ({
  ...NO_BASELINE,
  known: [
    { signature: signatureOf(finding), link: "https://example.org/issues/1", expires },
    { signature: "llama.cpp/settles/unsettled-request/plain", link: "https://example.org/issues/2", expires },
  ],
});
const known = () => {
  const status = "known" as const;
  const judged = [tally("own-cells-only", { status, known: 3, reason: "broken as is known" }), ...laws.slice(2)];
  return report({
    baseline: baseline("2027-01-31"),
    result: { status, traces: 12, coverage, laws: judged, findings: [finding] },
    ran: { traces: 12, coverage, lawBroken: false },
  });
};
/** The log of a server has colours, and what XML and Markdown would take for theirs. */
const error = new CrosstalkError(
  "ENGINE_EXITED",
  "the server ended with exit code 1; its last lines:\n  | \x1b[31m<bad> ]]> & ```\x1b[0m 100%",
  "Run it by hand, to see why: llama-server",
);
const broken = () =>
  report({ description: null, result: null, findings: [], ran: NOTHING_RAN, out: null, error, baseline: NO_BASELINE });

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  isArray: (name) => name === "testcase",
});
function parsed(run: RunReport) {
  const xml = formatJunit(run);
  expect(XMLValidator.validate(xml)).toBe(true);
  return parser.parse(xml).testsuites;
}

test("a run with a finding reads as it did, in XML, Markdown and annotations", async () => {
  await expect(formatJunit(report())).toMatchFileSnapshot("golden/junit.txt");
  await expect(formatJobSummary(report())).toMatchFileSnapshot("golden/job-summary.txt");
  await expect(formatAnnotations(report())).toMatchFileSnapshot("golden/annotations.txt");
});

test("each law is a test case: failed, skipped with its reason, or passed", () => {
  const { testsuite } = parsed(report());
  expect(testsuite).toMatchObject({ tests: "3", failures: "1", errors: "0", skipped: "1" });
  const [failed, skipped, passed] = testsuite.testcase;
  expect(failed).toMatchObject({ name: "own-cells-only", failure: { type: "foreign read" } });
  expect(failed.failure["#text"]).toMatch(
    /Block 4 was taken[\s\S]*Reproduce with:\ncd crosstalk-out[\s\S]*python3 repro\.py/,
  );
  expect(skipped.skipped.message).toBe("no cancel landed | at all");
  expect(passed).toEqual({ classname: "crosstalk.llama.cpp", name: "settles" });
});

test("a known failure passes and is named with its link; what was not seen is named, too", () => {
  const { testsuite } = parsed(known());
  expect(testsuite).toMatchObject({ failures: "0", errors: "0" });
  expect(testsuite.testcase[0]["system-out"]).toContain("https://example.org/issues/1");
  const page = formatJobSummary(known());
  expect(page).toContain("b11669: KNOWN");
  expect(page).toMatch(/- known: llama\.cpp\/own-cells-only.*issues\/1[\s\S]*not seen: llama\.cpp\/settles.*issues\/2/);
  expect(formatAnnotations(known())).toMatch(/^::notice .*issues\/1[^\n]*\n::notice .*not seen::.*issues\/2\n$/);
});

test("an expired entry fails again, and says until when it was known", () => {
  const expired = report({ baseline: baseline("2026-11-28") });
  expect(parsed(expired).testsuite).toMatchObject({ failures: "1" });
  expect(formatJobSummary(expired)).toContain("known until 2026-11-28, and no longer");
  expect(formatAnnotations(expired)).toMatch(/^::error .*known until 2026-11-28, and no longer/);
});

test("what could not be tested is an error, whatever the server's last lines hold", () => {
  const { testsuite } = parsed(broken());
  expect(testsuite).toMatchObject({ tests: "1", errors: "1" });
  expect(testsuite.testcase[0]).toMatchObject({ name: "could test", error: { type: "ENGINE_EXITED" } });
  expect(testsuite.testcase[0].error["#text"]).toContain("[31m<bad> ]]> & ```");
  expect(formatJobSummary(broken())).toContain("````text\nthe server ended");
  const annotations = formatAnnotations(broken());
  expect(annotations).toMatch(/^::error title=Crosstalk could not test::the server ended.*100%25%0ARun it by hand, to/);
  expect(annotations.trimEnd().split("\n")).toHaveLength(1);
});

test("a finding stands, whatever ended the run after it", () => {
  const { testsuite } = parsed(report({ result: null, error }));
  expect(testsuite).toMatchObject({ tests: "2", failures: "1", errors: "1" });
});

test("what is inconclusive is a warning with its reasons", () => {
  const judged = laws.slice(1);
  const result = { status: "inconclusive" as const, traces: 12, coverage, laws: judged, findings: [] };
  const none = report({ findings: [], result, ran: { traces: 12, coverage, lawBroken: false } });
  expect(formatAnnotations(none)).toBe(
    "::warning title=Crosstalk%3A inconclusive::cancelled-prefix: no cancel landed | at all\n",
  );
});
