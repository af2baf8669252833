/** The picture of a finding's report in README.md: docs/report.png, of the demo's finding. Needs Chromium. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const OUT = "docs/report.png";
const FAULT = "pd-free-on-abort";
const WIDTH = 1280;

const folder = mkdtempSync(join(tmpdir(), "crosstalk-report-"));
try {
  execFileSync(process.execPath, ["src/cli/main.ts", "demo", "--fault", FAULT, "--out", folder], { stdio: "ignore" });
  const findings = join(folder, FAULT, "findings");
  const [finding] = readdirSync(findings);
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 800 }, colorScheme: "light" });
  await page.goto(pathToFileURL(join(findings, finding!, "report.html")).href);
  // The headline and the timeline, up to the next heading.
  const end = await page.getByRole("heading", { name: "Expected and observed" }).boundingBox();
  await page.screenshot({
    path: OUT,
    fullPage: true,
    clip: { x: 0, y: 0, width: WIDTH, height: Math.floor(end!.y) - 16 },
  });
  await browser.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
