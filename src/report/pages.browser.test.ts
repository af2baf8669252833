/** What holds of every page: axe has nothing to say, nothing is fetched, it fits a narrow window, it prints. */

import axe, { type AxeResults } from "axe-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistoryEvent } from "../history/schema.ts";
import { formatCampaignHtml } from "./campaign-html.ts";
import { exampleFinding } from "./example.ts";
import { formatReportHtml } from "./report-html.ts";
import { brokenCampaign, cleanCampaign } from "./testing/campaign.ts";
import { CHROMIUM, launchChromium, missing, openPage } from "./testing/chromium.ts";
import { largeFinding } from "./testing/large-finding.ts";

const [broken, clean] = [brokenCampaign(), cleanCampaign(300)];
const [example, transfers] = [
  exampleFinding(),
  [5, 25].map((ms, i) => ({ t: ms * 1000, id: `r${i + 1}`, blocks: [4] })),
];
const told: HistoryEvent[] = transfers.map((event) => ({ ...event, e: "cache", what: "transfer" }));
const events = [...example.history.events, ...told].sort((a, b) => a.t - b.t);
const PAGES = {
  "a finding": formatReportHtml(example),
  "a finding with its blocks": formatReportHtml({ ...example, history: { ...example.history, events } }),
  "a finding in a long run": formatReportHtml(largeFinding(3000)),
  "a campaign with a finding": formatCampaignHtml(broken.report, broken.runs),
  "a long clean campaign": formatCampaignHtml(clean.report, clean.runs),
};

describe.skipIf(missing)(`pages in Chromium (needs ${CHROMIUM})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  describe.each(Object.entries(PAGES))("of %s", (_, html) => {
    it.each(["light", "dark"] as const)("passes axe in %s, and asks for nothing", async (scheme) => {
      const { page, said } = await openPage(browser, html, 1280, scheme);
      await page.evaluate("document.querySelector('details').open = true");
      await page.evaluate(axe.source);
      const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;
      expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
      expect(passes.map((pass) => pass.id)).toContain("color-contrast");
      expect(said).toEqual([]);
    });

    it.each([400, 1280])("does not scroll sideways in a window %i pixels wide", async (width) => {
      const { page } = await openPage(browser, html, width);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    });

    it("is light on paper, with its table open", async () => {
      const { page } = await openPage(browser, html, 1280, "dark");
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(255, 255, 255)");
      expect((await page.locator("details table").boundingBox())!.height).toBeGreaterThan(0);
    });
  });

  it("a campaign's finding and its plots can be reached by keyboard", async () => {
    const { page } = await openPage(browser, PAGES["a campaign with a finding"]);
    const focused = (attribute: string) => page.evaluate(`document.activeElement.getAttribute('${attribute}')`);
    await page.locator("table a").first().focus();
    expect(await focused("href")).toBe("findings/own-cells-only-1f3a9c/report.html");
    await page.getByRole("region", { name: "Traces, drawn" }).focus();
    await page.keyboard.press("Tab");
    expect(await focused("aria-label")).toBe("requests: 24 in all, 2 to 2 a column");
  });
});
