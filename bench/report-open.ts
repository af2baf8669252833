/**
 * Prints how long Chromium takes to open the page of a finding in a long run, and how large it is. Asserts nothing.
 * usage: node bench/report-open.ts [--requests 10000] [--times 5]
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { formatReportHtml } from "../src/report/report-html.ts";
import { launchChromium } from "../src/report/testing/chromium.ts";
import { largeFinding } from "../src/report/testing/large-finding.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "10000" }, times: { type: "string", default: "5" } },
});

const finding = largeFinding(Number(values.requests));
const began = performance.now();
const html = formatReportHtml(finding);
const made = performance.now() - began;

const folder = mkdtempSync(join(tmpdir(), "crosstalk-report-"));
const browser = await launchChromium();
try {
  const file = join(folder, "report.html");
  writeFileSync(file, html);
  const took: number[] = [];
  for (let i = 0; i < Number(values.times); i++) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const start = performance.now();
    await page.goto(pathToFileURL(file).href);
    // Laid out and painted: a frame has come after the load.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    took.push(performance.now() - start);
    await page.close();
  }
  const ordered = took.toSorted((a, b) => a - b);
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  console.log(`${values.requests} requests, ${finding.history.events.length} events`);
  console.log(`page: ${(Buffer.byteLength(html) / 1000).toFixed(1)} kB, made in ${ms(made)}`);
  console.log(`open: median ${ms(ordered[Math.floor(ordered.length / 2)]!)}, slowest ${ms(ordered.at(-1)!)}`);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
