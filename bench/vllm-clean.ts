/**
 * Campaigns against a vLLM server without a fault, one a setting; writes docs/vllm.md. Needs Docker and the image
 * (`docker build -t crosstalk/vllm-cpu:local docker/vllm-cpu`).
 * usage: node bench/vllm-clean.ts [--seed 1] [--traces 30] [--only "sliding window;speculative decoding"] [--without seed] [--image NAME] [--out crosstalk-out/vllm-clean] [--page docs/vllm.md]
 */

import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { parseHistory } from "../src/history/jsonl.ts";
import { runCrosstalkOnce } from "./run-crosstalk.ts";
import { vllmPage } from "./vllm-clean/page.ts";
import { type Campaign, SETTINGS, type Setting } from "./vllm-clean/settings.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    traces: { type: "string", default: "30" },
    out: { type: "string", default: "crosstalk-out/vllm-clean" },
    only: { type: "string", default: SETTINGS.map((s) => s.name).join(";") },
    without: { type: "string", default: "seed" },
    image: { type: "string", default: "" },
    page: { type: "string", default: "docs/vllm.md" },
  },
});

const campaigns: Campaign[] = [];
for (const setting of SETTINGS.filter((s) => values.only.split(";").includes(s.name))) {
  const campaign = await runCampaign(setting);
  const { verdict, error, counts } = campaign.summary;
  process.stderr.write(`${setting.name}: ${error ? error.message : verdict}, ${counts.requests} requests\n`);
  campaigns.push(campaign);
  writeFileSync(values.page, vllmPage(campaigns, { ...values, processors: cpus().length }));
}

/** A campaign that an earlier bench ran to its end in the same folder is not run again. */
async function runCampaign(setting: Setting): Promise<Campaign> {
  const out = join(values.out, setting.name.replaceAll(" ", "-"));
  const args = ["--engine", "vllm", "--seed", values.seed, "--traces", values.traces, "--budget", "60m"];
  if (values.without !== "" && !setting.everything) args.push("--without", ...values.without.split(","));
  if (values.image !== "") args.push("--image", values.image);
  if (setting.args !== "") args.push("--args", setting.args);
  if (setting.context !== null) args.push("--context", String(setting.context));
  if (setting.model !== undefined) args.push("--model", await writeModel(setting.model, `${out}-model`));
  args.push(...(setting.options ?? []));
  const summary = await runCrosstalkOnce(args, out);
  return { setting, summary, counters: countersOf(join(out, "runs")) };
}

async function writeModel(options: readonly string[], folder: string): Promise<string> {
  const main = join(import.meta.dirname, "../src/cli/main.ts");
  rmSync(folder, { recursive: true, force: true });
  await promisify(execFile)(process.execPath, [main, "model", "write", folder, "--format", "hf", ...options]);
  return folder;
}

/** The engine's own counters, summed over the histories of a campaign; none where no trace ran. */
function countersOf(folder: string): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  if (!existsSync(folder)) return sums;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".history.jsonl"))) {
    const { history } = parseHistory(readFileSync(join(folder, name), "utf8"), name);
    for (const event of history.events) {
      if (event.e !== "metrics") continue;
      for (const [counter, value] of Object.entries(event.counters)) sums[counter] = (sums[counter] ?? 0) + value;
    }
  }
  return sums;
}
