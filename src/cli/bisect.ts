/** `crosstalk bisect`: in which version a trace began to fail. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { lawsFor } from "../../properties/index.ts";
import { type Bisected, bisect, type Tested } from "../bisect/bisect.ts";
import { CrosstalkError } from "../errors.ts";
import type { Target } from "../target/target.ts";
import { parseTrace } from "../trace/read.ts";
import type { Trace } from "../trace/schema.ts";
import { EXIT } from "./exit.ts";
import { inputFile } from "./input.ts";
import { hearSignals, withInterrupt } from "./interrupt.ts";
import { progressTo } from "./progress.ts";
import { openTarget, type TargetOptions } from "./target.ts";

export interface BisectCommandOptions extends TargetOptions {
  readonly versions?: readonly string[];
  /** A repository, and two of its commits: the versions are those from one to the other. */
  readonly git?: string;
  readonly good?: string;
  readonly bad?: string;
  /** Shell command that builds a version. */
  readonly build?: string;
  readonly runs: number;
  readonly json?: boolean;
}

const BLANK = "{version}";
const run = promisify(execFile);

/** A first bad version is a finding. */
export async function bisectCommand(path: string, options: BisectCommandOptions): Promise<number> {
  const file = inputFile(path, "trace.json", "INVALID_TRACE");
  const trace = parseTrace(file.text, file.path);
  const versions = await versionsOf(options);
  refuseUnfit(options, versions);
  return withInterrupt(async (signal) => {
    const progress = progressTo(process.stderr, options.json === true);
    progress.say(`crosstalk: ${trace.name} over ${versions.length} versions, ${versions[0]} to ${versions.at(-1)}`);
    const open = (version: string): Promise<Target> => {
      progress.show(`  ${version}: building`);
      return openVersion(version, options, trace);
    };
    const tested: Tested[] = [];
    const steps = bisect({ trace, versions, open, laws: lawsFor, runs: options.runs, signal });
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) {
      await hearSignals();
      if (step.value.type === "testing")
        progress.show(`  ${step.value.version}: failed in ${step.value.failed} of ${step.value.runs} runs`);
      else {
        tested.push(step.value.tested);
        progress.say(`  ${formatTested(step.value.tested)}`);
      }
    }
    if (options.json) process.stdout.write(`${JSON.stringify({ ...step.value, tested })}\n`);
    else process.stdout.write(`${formatBisected(step.value)}\n`);
    return EXIT.finding;
  });
}

export function formatTested({ version, state, failed, runs, reason }: Tested): string {
  if (state === "untestable") return `${version}: could not be tested: ${reason}`;
  return `${version}: ${state}, failed in ${failed} of ${runs} ${runs === 1 ? "run" : "runs"}`;
}

export function formatBisected({ firstBad, lastGood, untestable, laws, cleanRuns, error }: Bisected): string {
  const between =
    untestable.length === 0
      ? []
      : [`Between them could not be tested, and may be the first bad one: ${untestable.join(", ")}.`];
  return [
    `FIRST BAD: ${firstBad}`,
    `  last good: ${lastGood}`,
    ...between.map((line) => `  ${line}`),
    `  Bad is a version that breaks ${laws.join(" or ")}. Good is one without a failure in ${cleanRuns} runs:`,
    `  one as bad as the youngest would pass with a chance of ${(100 * error).toPrecision(2)} % at most.`,
  ].join("\n");
}

/** @throws CrosstalkError INVALID_OPTION */
async function versionsOf({ versions, git, good, bad }: BisectCommandOptions): Promise<readonly string[]> {
  if (git === undefined) return versions ?? [];
  if (versions !== undefined || good === undefined || bad === undefined) {
    const hint = "Give --git FOLDER with --good COMMIT and --bad COMMIT, or --versions alone.";
    throw new CrosstalkError("INVALID_OPTION", "--git needs two commits and no --versions", hint);
  }
  try {
    const range = ["rev-list", "--reverse", "--first-parent", `${good}..${bad}`];
    const { stdout } = await run("git", ["-C", git, ...range], { maxBuffer: 2 ** 26 });
    return [good, ...stdout.split("\n").filter((line) => line !== "")];
  } catch (cause) {
    const [line] = (cause as Error).message.split("\n").slice(1);
    const hint = "Give a git repository and two of its commits, the good one first.";
    throw new CrosstalkError("INVALID_OPTION", `git knows no way from ${good} to ${bad}: ${line}`, hint, { cause });
  }
}

/** @throws CrosstalkError INVALID_OPTION */
function refuseUnfit({ build, ...options }: BisectCommandOptions, versions: readonly string[]): void {
  if (versions.length < 2) {
    const hint =
      "Give at least two, the oldest first: --versions v1 v2 v3, or --git FOLDER --good COMMIT --bad COMMIT.";
    throw new CrosstalkError("INVALID_OPTION", "there is nothing to choose between", hint);
  }
  const { image, cmd, args } = options;
  if (![image, cmd, args, build].some((text) => text?.includes(BLANK))) {
    const hint = `For instance --image vllm/vllm-openai:${BLANK}, or --build "git checkout ${BLANK} && make" with --cmd.`;
    throw new CrosstalkError("INVALID_OPTION", `no option says where the version goes: ${BLANK}`, hint);
  }
}

/** @throws CrosstalkError BUILD_FAILED, and what opening a target throws */
async function openVersion(version: string, options: BisectCommandOptions, trace: Trace): Promise<Target> {
  const fill = <T extends string | undefined>(text: T): T => text?.replaceAll(BLANK, version) as T;
  const { build, image, cmd, args } = options;
  if (build !== undefined) {
    await run("sh", ["-c", fill(build)], { maxBuffer: 2 ** 28 }).catch((cause: Error & { stderr?: string }) => {
      const last = cause.stderr?.trim().split("\n").at(-1) ?? cause.message;
      const hint = "Run the build command by hand.";
      throw new CrosstalkError("BUILD_FAILED", `the build failed: ${last}`, hint, { cause });
    });
  }
  const filled = { image: fill(image), cmd: fill(cmd), args: fill(args) };
  const given = Object.fromEntries(Object.entries(filled).filter(([, value]) => value !== undefined));
  return openTarget({ ...options, ...given }, trace);
}
