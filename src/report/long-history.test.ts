/** The page of a long run: small, and with all that the finding needs. */

import { expect, test } from "vitest";
import { exampleFinding } from "./example.ts";
import { excerpt, isLong } from "./excerpt.ts";
import { formatReportHtml } from "./report-html.ts";
import { largeFinding } from "./testing/large-finding.ts";

const REQUESTS = 10_000;
/** Characters. The page of the same finding in a run of two requests has about 10,000. */
const MOST = 64_000;

const finding = largeFinding(REQUESTS);
const html = formatReportHtml(finding);

test("a page of 10,000 requests stays small, and says how many there were", () => {
  expect(finding.history.events.length).toBeGreaterThan(4 * REQUESTS);
  expect(html.length).toBeLessThan(MOST);
  expect(html).toMatch(/<th scope="row">requests<\/th><td>10000<\/td>/);
  expect(html).toMatch(/<th scope="row">cancels that landed<\/th><td>1430<\/td>/);
});

test("it has the rows of the requests that the finding names, and the arrow", () => {
  for (const row of [
    /<th scope="row">19996\.1<\/th><td>r1<\/td><td>send A B scan/,
    /<td>r1<\/td><td>cancel<\/td>/,
    /<td>r2<\/td><td>send A C @32/,
    /<td>r2<\/td><td>✗ token 16 is /,
  ]) {
    expect(html).toMatch(row);
  }
  expect(html).toContain('class="arrow"');
  expect(html).toMatch(/aria-label="the wrong token came at 20043\.5 ms"/);
});

test("its drawing shows the time around the finding, in which the victim's bar is wide enough to see", () => {
  const bar = /class="victim"[\s\S]*?class="decode" x="[\d.]+" y="\d+" width="([\d.]+)"/.exec(html)!;
  expect(Number(bar[1])).toBeGreaterThan(20);
});

test("its steps are those around the finding, with their segments only", () => {
  const part = excerpt(finding);
  expect(part.steps.length).toBeLessThan(100);
  const sent = part.steps.flatMap((step) => ("send" in step ? [step.send] : []));
  expect(sent).toEqual(expect.arrayContaining(["r1", "r2"]));
  expect(Object.keys(part.segments)).toEqual(["A", "B", "C", "F"]);
  expect(html).toContain(`${part.steps.length} of ${finding.trace.steps.length} steps`);
});

test("a short run is shown whole, as it was", () => {
  expect(isLong(exampleFinding().trace)).toBe(false);
  expect(formatReportHtml(exampleFinding())).not.toMatch(/The whole run|Part of the trace/);
});
