import { expect, it } from "vitest";
import type { Finding } from "../check/finding.ts";
import { exampleFinding } from "./example.ts";
import { formatReportHtml } from "./report-html.ts";

const example = exampleFinding();

it("draws the arrow from the wrong token's time to the owner's cell", () => {
  const [, x1, x2] = /class="arrow"[^>]* d="M([\d.]+) \d+C[\d.]+ [\d.]+ [\d.]+ [\d.]+ ([\d.]+) /.exec(
    formatReportHtml(example),
  )!;
  // Time runs from 470 to 940 over 50 ms; the wrong token came at 47.5 ms.
  expect(Number(x1)).toBeCloseTo(470 + (470 * 47.5) / 50, 0);
  // The owner's cell B[16] is half-way through its segment B, the second that the page draws.
  const segments = formatReportHtml(example).matchAll(/class="segment" x="([\d.]+)" y="\d+" width="([\d.]+)"/g);
  const [, x, width] = [...segments][1]!;
  expect(Number(x2)).toBeGreaterThan(Number(x) + Number(width) / 2);
  expect(Number(x2)).toBeLessThan(Number(x) + Number(width) * 0.55);
});

it("draws no arrow where nobody knows whose cell was read", () => {
  const unknown: Finding = { ...example, anomaly: { ...example.anomaly, class: "unexplained", origins: [] } };
  expect(formatReportHtml(unknown)).not.toMatch(/class="arrow|The arrow/);
});

it("draws a dashed arrow and lists the places where several fit, and says that it took the first", () => {
  const origins = [...example.anomaly.origins, { request: "r1", position: 70, place: "B[22]" }];
  const or = [{ class: "torn read" as const, origins: [{ request: "r2", position: 3, place: "A[3]" }] }];
  const several = formatReportHtml({ ...example, anomaly: { ...example.anomaly, origins, or } });
  expect(several).toContain('class="arrow guess"');
  expect(several).toContain("the first of 3 places that fit");
  expect(several).toContain("<td>B[16] of r1, B[22] of r1</td>");
  expect(several).toContain("<td>A[3] of r2</td>");
  const one = formatReportHtml(example);
  expect(one).toContain('class="arrow"');
  expect(one).not.toContain("Places that fit");
});

it("dashes the arrow to the one place that fits, without a list, where only the class is open", () => {
  const or = [{ class: "stale read" as const, origins: example.anomaly.origins }];
  const page = formatReportHtml({ ...example, anomaly: { ...example.anomaly, or } });
  expect(page).toContain('class="arrow guess"');
  expect(page).toContain("the one place known to fit");
  expect(page).toContain("foreign read or stale read.");
  expect(page).not.toContain("Places that fit");
});

it("says of each token of the difference in words whether it was expected or observed", () => {
  const page = formatReportHtml(example);
  expect(page).toContain('<del><span class="unseen">expected: </span>');
  expect(page).toContain('<ins><span class="unseen">observed: </span>');
});

it("writes the same bytes for the same finding, and names nothing outside the page", () => {
  expect(formatReportHtml(exampleFinding())).toBe(formatReportHtml(example));
  expect(formatReportHtml(example)).not.toMatch(/\b(src|href)=|https?:\/\/(?!127\.0\.0\.1)/);
});

it("escapes what comes from outside", () => {
  const hostile: Finding = { ...example, anomaly: { ...example.anomaly, explanation: "<img src=x onerror=alert(1)>" } };
  expect(formatReportHtml(hostile)).toContain("&lt;img src=x");
  expect(formatReportHtml(hostile)).not.toContain("<img");
});
