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
  expect(formatReportHtml(unknown)).not.toContain('class="arrow"');
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
