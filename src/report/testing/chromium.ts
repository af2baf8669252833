/** Pages of reports in a headless Chromium. */

import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium";
/** Whether its tests are left out; where `CI=true` they fail instead. */
export const missing = !existsSync(CHROMIUM) && process.env.CI !== "true";

export function launchChromium(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

export interface Opened {
  readonly page: Page;
  /** What it wrote to the console, errors and addresses that it asked for. */
  readonly said: readonly string[];
}

export async function openPage(
  browser: Browser,
  html: string,
  width = 1280,
  colorScheme: "light" | "dark" = "light",
): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (request) => said.push(request.url()));
  await page.setContent(html);
  return { page, said };
}
