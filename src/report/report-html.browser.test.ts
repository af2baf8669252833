import { existsSync } from "node:fs";
import axe, { type AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exampleFinding } from "./example.ts";
import { formatReportHtml } from "./report-html.ts";

const CHROMIUM = "/usr/bin/chromium";
const missing = !existsSync(CHROMIUM) && process.env.CI !== "true";

describe.skipIf(missing)(`report.html in Chromium (needs ${CHROMIUM})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });
  afterAll(() => browser?.close());

  async function open(width: number, colorScheme: "light" | "dark"): Promise<{ page: Page; said: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    await page.setContent(formatReportHtml(exampleFinding()));
    return { page, said };
  }

  it.each(["light", "dark"] as const)("passes axe in %s", async (scheme) => {
    const { page, said } = await open(1280, scheme);
    expect(said).toEqual([]);
    await page.evaluate("document.querySelector('details').open = true");
    await page.evaluate(axe.source);
    const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
    expect(passes.map((pass) => pass.id)).toContain("color-contrast");
  });

  it.each([400, 1280])("does not scroll sideways in a window %i pixels wide", async (width) => {
    const { page } = await open(width, "light");
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
  });

  it("can be walked through by keyboard, a request at a time", async () => {
    const { page } = await open(1280, "light");
    await page.locator(".box").first().focus();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^r1, its cells fit, /);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^r2, answered wrong, /);
  });

  it("is light on paper, with its table open", async () => {
    const { page } = await open(1280, "dark");
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(255, 255, 255)");
    expect((await page.locator("details table").boundingBox())!.height).toBeGreaterThan(0);
  });

  it("ends the arrow at the lower edge of the owner's segment, and starts it at the victim's bar", async () => {
    const { page } = await open(1280, "light");
    const box = async (selector: string) => (await page.locator(selector).boundingBox())!;
    const [arrow, segment, decode] = [
      await box(".arrow"),
      await box(".owner .segment >> nth=1"),
      await box(".victim .decode"),
    ];
    expect(arrow.x).toBeGreaterThan(segment.x - 4);
    expect(arrow.x).toBeLessThan(segment.x + segment.width);
    expect(Math.abs(arrow.y - (segment.y + segment.height))).toBeLessThan(12);
    expect(Math.abs(arrow.y + arrow.height - decode.y)).toBeLessThan(12);
  });
});
