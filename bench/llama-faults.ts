/**
 * Runs a campaign against each planted fault of the llama.cpp image, then against the clean image, and writes
 * docs/llama-faults.md. Needs Docker and the image (`docker build -t crosstalk/llama.cpp:local docker/llama-cpp`).
 * What a fault's folder in --out has is not measured again.
 * usage: node bench/llama-faults.ts [--seed 1] [--budget 120s] [--out crosstalk-out/llama-faults/seed-1-120s] [--page docs/llama-faults.md]
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { llamaCpp } from "../harness/index.ts";
import { llamaFaultsPage } from "./llama-faults/page.ts";
import { runCampaign } from "./llama-faults/run-campaign.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    budget: { type: "string", default: "120s" },
    out: { type: "string" },
    page: { type: "string", default: "docs/llama-faults.md" },
  },
});

const out = values.out ?? `crosstalk-out/llama-faults/seed-${values.seed}-${values.budget}`;
const faults = llamaCpp.faults.map((f) => f.name);
const campaigns = [];
for (const fault of [...faults, null]) {
  const { seed, budget } = values;
  const result = await runCampaign({ fault, seed, budget, out: join(out, fault ?? "clean") });
  const { verdict, error } = result.summary;
  process.stderr.write(
    `${fault ?? "clean"}: ${error ? error.message : verdict} after ${result.totalSeconds.toFixed(0)} s\n`,
  );
  campaigns.push(result);
}
writeFileSync(values.page, llamaFaultsPage(campaigns, values));
