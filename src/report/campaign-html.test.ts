import { describe, expect, test } from "vitest";
import { NO_BASELINE } from "../baseline.ts";
import { signatureOf } from "../check/signature.ts";
import { CrosstalkError } from "../errors.ts";
import { formatCampaignHtml } from "./campaign-html.ts";
import { exampleFinding } from "./example.ts";
import { formatRunLine, parseRunLines } from "./run-line.ts";
import { NOTHING_RAN } from "./summary.ts";
import { brokenCampaign, type CampaignMade, cleanCampaign, runsOf } from "./testing/campaign.ts";
import { traceColumns } from "./trace-columns.ts";

const page = ({ report, runs }: CampaignMade): string => formatCampaignHtml(report, runs);
const example = exampleFinding();

describe("the verdict", () => {
  const title = (html: string) => /<h1>(.*)<\/h1>/.exec(html)![1];

  test("of a clean campaign says that no law broke, in how much, and within which bound", () => {
    const html = page(cleanCampaign(59));
    expect(title(html)).toBe("llama.cpp b11669: no law broke in 59 traces of seed 1");
    // 1 - 0.05^(1/59)
    expect(html).toContain("<td>5.0 %</td>");
    expect(html).not.toContain("Findings");
  });

  test("of a finding says what happened, and links to its page", () => {
    const html = page(brokenCampaign());
    expect(title(html)).toContain("a request was answered from another request&#39;s KV cells, in 12 traces");
    expect(html).toContain('<a href="findings/own-cells-only-1f3a9c/report.html">own-cells-only-1f3a9c</a>');
    expect(html).toContain("7 of 10 runs (40 % to 89 %) on 5 fresh servers");
    expect(html).not.toMatch(/<td>\d+\.\d %<\/td>/);
  });

  test("of a known failure names its link, as text, and no finding is new", () => {
    const entry = { signature: signatureOf(example), link: "https://example.org/issues/1", expires: "2027-01-31" };
    const html = page(brokenCampaign({ ...NO_BASELINE, known: [entry] }));
    expect(title(html)).toContain("laws broke in 12 traces of seed 1 only in ways that the baseline knows");
    expect(html).toContain("foreign read (known)");
    expect(html).toMatch(/<li>known: llama\.cpp.*example\.org\/issues\/1/);
  });

  test("of a run that did not get to its end shows what kept it, and needs no target and no traces", () => {
    const error = new CrosstalkError("ENGINE_EXITED", "the server <ended>", "Run it by hand.");
    const nothing = { description: null, result: null, ran: NOTHING_RAN, out: null, error };
    const { report } = cleanCampaign(1, nothing);
    const html = page({ report, runs: [] });
    expect(title(html)).toBe("it could not be tested to the end, and no law broke in 0 traces of seed 1");
    expect(html).toContain("the server &lt;ended&gt;");
    expect(html).not.toMatch(/<svg|By scenario/);
  });
});

test("traces are drawn in order, with a mark at each that broke a law", () => {
  const html = page(brokenCampaign());
  const marks = [...html.matchAll(/class="broken" role="img" aria-label="([^"]*)"/g)].map(([, label]) => label);
  expect(marks).toEqual(["3, seed 2: broke own-cells-only", "9, seed 8: broke own-cells-only"]);
  expect(page(cleanCampaign())).not.toContain('class="broken"');
});

test("thousands of traces share columns, and none of them is lost", () => {
  const columns = traceColumns(runsOf(5000, 4999), 120);
  expect(columns.length).toBeLessThanOrEqual(120);
  expect(columns.reduce((sum, { counts }) => sum + counts.requests, 0)).toBe(10_000);
  expect(columns.flatMap(({ broken, to }) => (broken.length > 0 ? [to] : []))).toEqual([5000]);
  expect(page(cleanCampaign(5000)).length).toBeLessThan(60_000);
});

test("coverage is told by scenario and feature, and what no request had is named", () => {
  const html = page(cleanCampaign());
  expect(html).toMatch(/<th scope="row">cancel-storm<\/th><td>1<\/td><td>2<\/td><td>1<\/td>/);
  expect(html).toMatch(/<th scope="row">from a seed<\/th><td>11<\/td><td>22<\/td>/);
  expect(html).toMatch(/<th scope="row">narrow<\/th><td>12<\/td><td>12<\/td>/);
  expect(html).toMatch(/Not in any request: find, dice,.*adapter/);
});

test("the same campaign gives the same bytes, and nothing outside the folder is named", () => {
  expect(page(brokenCampaign())).toBe(page(brokenCampaign()));
  expect(page(brokenCampaign())).not.toMatch(/\bsrc=|https?:\/\/|<script/);
});

test("the lines of runs.jsonl are read back; one that did not end is not there yet; a broken one is named", () => {
  const runs = runsOf(3, 2);
  const text = runs.map(formatRunLine).join("");
  expect(parseRunLines(text, "runs.jsonl")).toEqual(runs);
  expect(parseRunLines(text.slice(0, -3), "runs.jsonl")).toEqual(runs.slice(0, 2));
  expect(() => parseRunLines(`${text}{}\n`, "runs.jsonl")).toThrow(/runs\.jsonl, line 4: /);
});
