import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exampleFinding } from "./example.ts";
import { formatReportHtml } from "./report-html.ts";
import { CHROMIUM, launchChromium, missing, openPage } from "./testing/chromium.ts";

describe.skipIf(missing)(`a finding's report.html in Chromium (needs ${CHROMIUM})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  const open = () => openPage(browser, formatReportHtml(exampleFinding()));

  it("can be walked through by keyboard, a request at a time", async () => {
    const { page } = await open();
    await page.locator(".box").first().focus();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^r1, its cells fit, /);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(/^r2, answered wrong, /);
  });

  it("ends the arrow at the lower edge of the owner's segment, and starts it at the victim's bar", async () => {
    const { page } = await open();
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
