/**
 * Campaigns against each planted fault of the vLLM image and against the clean one, and the same traces by a tester
 * without an oracle; writes docs/vllm-faults.md. Needs Docker and the image
 * (`docker build -t crosstalk/vllm-cpu:local docker/vllm-cpu`).
 *
 * Each result is saved as soon as it is there, and the page written anew. What is saved is not run again: a bench that
 * was interrupted goes on, and a folder of an earlier `crosstalk run` with the same options is taken for its result when
 * it lies at OUT/crosstalk/FAULT.
 * usage: node bench/vllm-faults.ts [--seed 1] [--budget 240s] [--reduce 10m] [--only clean,block-row-left] [--again] [--out crosstalk-out/vllm-faults/seed-1-240s] [--page docs/vllm-faults.md]
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { vllm } from "../harness/index.ts";
import { duration, wholeNumber } from "../src/cli/values.ts";
import { runCrosstalkOnce } from "./run-crosstalk.ts";
import { runNaive } from "./vllm-faults/naive.ts";
import { vllmFaultsPage } from "./vllm-faults/page.ts";
import { writeRandomModel } from "./vllm-faults/random-model.ts";
import { campaignFolder, forget, nameOf, readResult, saveNaive, saveSeconds } from "./vllm-faults/results.ts";

/** The longest prompt and answer, tokens: what `crosstalk run` asks for by itself. */
const CONTEXT = 512;
/** A request with a seed ends unmodified vLLM 0.32.0 on CPUs. */
const WITHOUT = ["seed"] as const;
const MODEL_SEED = 1;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    budget: { type: "string", default: "240s" },
    reduce: { type: "string", default: "10m" },
    only: { type: "string" },
    again: { type: "boolean", default: false },
    out: { type: "string" },
    page: { type: "string", default: "docs/vllm-faults.md" },
  },
});
const out = values.out ?? `crosstalk-out/vllm-faults/seed-${values.seed}-${values.budget}`;
const model = join(out, "random-model");

const subjects = [null, ...vllm.faults.map((f) => f.name)];
const only = values.only?.split(",") ?? subjects.map(nameOf);
const unknown = only.find((name) => !subjects.map(nameOf).includes(name));
if (unknown !== undefined) throw new Error(`no fault ${unknown}: choose from ${subjects.map(nameOf).join(", ")}`);

for (const fault of subjects.filter((subject) => only.includes(nameOf(subject)))) {
  if (values.again) forget(out, fault);
  await runCampaign(fault);
  writePage();
  await compareTexts(fault);
  writePage();
}

async function runCampaign(fault: string | null): Promise<void> {
  const args = [
    "--engine",
    "vllm",
    "--seed",
    values.seed,
    "--budget",
    values.budget,
    "--reduce",
    values.reduce,
    "--without",
    ...WITHOUT,
  ];
  if (fault !== null) args.push("--fault", fault);
  const { verdict, error } = await runCrosstalkOnce(args, campaignFolder(out, fault));
  saveSeconds(out, fault);
  say(`${nameOf(fault)}: ${error ? error.message : verdict}`);
}

/** A server that cannot be started or ends leaves no result: the next bench tries again. */
async function compareTexts(fault: string | null): Promise<void> {
  if (readResult(out, fault).naive !== null) return;
  writeRandomModel(model, MODEL_SEED);
  try {
    const result = await runNaive({
      fault,
      model,
      seed: wholeNumber(values.seed),
      budget: duration(values.budget),
      context: CONTEXT,
      without: WITHOUT,
    });
    saveNaive(out, fault, result);
    say(`${nameOf(fault)}: ${result.differ} of ${result.requests} texts differ`);
  } catch (error) {
    say(`${nameOf(fault)}: no texts compared: ${(error as Error).message}`);
  }
}

function writePage(): void {
  const results = subjects.map((subject) => readResult(out, subject));
  const faultsPage = readFileSync(join(import.meta.dirname, "../docker/vllm-cpu/faults/README.md"), "utf8");
  writeFileSync(values.page, vllmFaultsPage(results, { ...values, faultsPage }));
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
