/** `crosstalk doctor`: what works on this machine, and the check of the checker. */

import { spawnSync } from "node:child_process";
import { allProperties } from "../../properties/index.ts";
import { judgeRun } from "../check/property.ts";
import { generateTrace } from "../generate/generate.ts";
import { limitsOf } from "../generate/limits.ts";
import { runOnce } from "../investigate.ts";
import { labTarget } from "../lab/target.ts";
import { tracerModel } from "../tracer/manifest.ts";
import { EXIT } from "./exit.ts";

export interface DoctorOptions {
  /** Fault to plant in the lab; `none` plants nothing, and must be noticed. */
  readonly canary: string;
  readonly json?: boolean;
}

interface Finding {
  readonly what: string;
  /** `missing` is a part of Crosstalk that cannot be used here; `broken` means that no verdict can be trusted. */
  readonly state: "ok" | "missing" | "broken";
  readonly detail: string;
}

const CANARY_TRACES = 12;

export async function doctor(options: DoctorOptions): Promise<number> {
  const findings = [node(), python(), await docker(), await clean(), await canary(options.canary)];
  const broken = findings.some((f) => f.state === "broken");
  if (options.json) process.stdout.write(`${JSON.stringify({ trusted: !broken, findings })}\n`);
  else {
    for (const { what, state, detail } of findings)
      process.stdout.write(`${what.padEnd(18)} ${state.padEnd(8)} ${detail}\n`);
    if (broken)
      process.stderr.write("crosstalk: no verdict of this installation can be trusted: see the lines marked broken\n");
  }
  return broken ? EXIT.couldNotTest : EXIT.clean;
}

function node(): Finding {
  return { what: "Node.js", state: "ok", detail: `${process.version} on ${process.platform} ${process.arch}` };
}

function python(): Finding {
  const { status, stdout } = spawnSync("python3", ["--version"], { encoding: "utf8" });
  return status === 0
    ? { what: "Python", state: "ok", detail: `${stdout.trim()}: repro.py and write_model.py can run here` }
    : { what: "Python", state: "missing", detail: "no python3: repros are still written, but cannot run here" };
}

async function docker(): Promise<Finding> {
  const { countContainers, dockerState, ENGINES, hasImage } = await import("../../harness/index.ts");
  const state = await dockerState();
  if (!state.answers) {
    return { what: "Docker", state: "missing", detail: `${state.reason}; the lab, --cmd and URLs work without it` };
  }
  const images = await Promise.all(
    [...ENGINES.values()].map(async ({ image }) =>
      (await hasImage(image.name).catch(() => false))
        ? `${image.name} is there`
        : `${image.name} is missing (${image.build ?? "pulled when needed"})`,
    ),
  );
  const count = await countContainers();
  const left =
    count === 0
      ? []
      : [
          `${count} of Crosstalk's containers (if none runs now: docker rm -f $(docker ps -aq --filter label=crosstalk=1))`,
        ];
  return { what: "Docker", state: "ok", detail: ["an engine answers", ...images, ...left].join("; ") };
}

/** A lab without a bug must be found clean: no false alarm. */
async function clean(): Promise<Finding> {
  const { failed, requests } = await search(null);
  return failed === null
    ? { what: "clean lab", state: "ok", detail: `${requests} requests, no alarm` }
    : { what: "clean lab", state: "broken", detail: `false alarm on a lab without a bug: ${failed}` };
}

/** A lab with a bug must not. */
async function canary(name: string): Promise<Finding> {
  const { failed, requests } = await search(name === "none" ? null : name);
  return failed === null
    ? { what: "canary", state: "broken", detail: `the planted bug ${name} was not caught in ${requests} requests` }
    : {
        what: "canary",
        state: "ok",
        detail: `the planted bug ${name} was caught after ${requests} requests: ${failed}`,
      };
}

/** Runs traces on a lab until a law breaks. */
async function search(fault: string | null): Promise<{ failed: string | null; requests: number }> {
  const target = labTarget({ model: tracerModel().manifest.sha256, topology: "pd", fault });
  const description = await target.start();
  let requests = 0;
  for (let seed = 0; seed < CANARY_TRACES; seed++) {
    const run = await runOnce(target, generateTrace(seed, limitsOf(description)), "main");
    requests += run.requests.size;
    for (const law of allProperties) {
      const verdict = judgeRun(law, run);
      if (verdict.status === "fail") return { failed: `${law.id}, ${verdict.reason}`, requests };
    }
  }
  return { failed: null, requests };
}
