/** What CI systems run: each option that they pass exists, and the scripts do what they say. */

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseBaseline } from "../baseline.ts";
import { PROFILES } from "./profiles.ts";
import { crosstalk, temporaryFolder } from "./testing.ts";

const action = parse(readFileSync("action.yml", "utf8"));
const gitlab = parse(readFileSync("templates/crosstalk.gitlab-ci.yml", "utf8"));
const page = readFileSync("docs/ci.md", "utf8");
const [workflow, pipeline] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => parse(text!));
const { version } = JSON.parse(readFileSync("package.json", "utf8"));

const step = action.runs.steps.find(({ id }: { id?: string }) => id === "run");
const job = gitlab[".crosstalk"];
const SCRIPTS: Readonly<Record<string, string>> = { "action.yml": step.run, GitLab: job.script[0] };

/** Options, of those named, that `crosstalk run` does not have. */
async function unknown(options: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await crosstalk("run", "--help");
  return options.filter((option) => !stdout.includes(`  ${option} `));
}

test.each(Object.keys(SCRIPTS))("every option that is passed exists: %s", async (name) => {
  const run = SCRIPTS[name]!.slice(SCRIPTS[name]!.indexOf(" run "));
  const passed = run.split("node --eval")[0]!.match(/--[a-z][a-z-]*/g)!;
  expect(passed).toContain("--junit");
  expect(await unknown(passed)).toEqual([]);
});

test("what docs/ci.md passes exists, too", async () => {
  const options = page.match(/(?<=[`\s])--[a-z][a-z-]*/g)!;
  const engines = ["--port", "--slot-save-path", "--metrics", "--build", "--target", "--help"];
  expect(await unknown(options.filter((option) => !engines.includes(option)))).toEqual([]);
  const { steps } = workflow.jobs.crosstalk;
  const { with: given } = steps.find(({ id }: { id?: string }) => id === "crosstalk");
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
  const outputs = [...JSON.stringify(steps).matchAll(/outputs\.(\w+)/g)].map(([, name]) => name);
  expect(Object.keys(action.outputs)).toEqual(outputs);
  for (const { variables } of [pipeline.crosstalk, pipeline["crosstalk-nightly"]])
    expect(Object.keys(job.variables)).toEqual(expect.arrayContaining(Object.keys(variables)));
  parseBaseline(/```json\n([\s\S]*?)```/.exec(page)![1]!, "docs/ci.md");
});

test("every input is used, every input that is used is declared, and defaults hold", () => {
  const used = [...readFileSync("action.yml", "utf8").matchAll(/inputs\.(\w+)/g)].map(([, name]) => name);
  expect(new Set(used)).toEqual(new Set(Object.keys(action.inputs)));
  expect(action.inputs.version.default).toBe(version);
  expect(job.variables.CROSSTALK_VERSION).toBe(version);
  expect(Object.keys(PROFILES)).toEqual(expect.arrayContaining([action.inputs.profile.default]));
  expect(Object.keys(PROFILES)).toContain(job.variables.CROSSTALK_PROFILE);
});

/** Runs a script where `npx` is this command line. */
function runScript(shell: string, script: string, variables: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  const npx = join(folder, "bin/npx");
  mkdirSync(join(folder, "bin"));
  // npx --yes kv-crosstalk@VERSION run ...
  writeFileSync(npx, `#!/bin/sh\nshift 2\nexec "${process.execPath}" "${join(import.meta.dirname, "main.ts")}" "$@"\n`);
  chmodSync(npx, 0o755);
  const env = {
    ...{ PATH: `${join(folder, "bin")}:${process.env.PATH}`, GITHUB_OUTPUT: join(folder, "output") },
    ...variables,
  };
  const { status, stderr, stdout } = spawnSync(shell, ["-e", "-c", script], { cwd: folder, env, encoding: "utf8" });
  return { folder, status, stderr, stdout };
}

const INPUTS = {
  CMD: "",
  ENGINE: "",
  TARGET: "lab",
  PROFILE: "smoke",
  SEED: "1",
  BASELINE: "",
  OUT: "out",
  VERSION: "1",
};
const FAULTY = "--topology=pd\n\n--fault=pd-free-on-abort\n--traces=20\n";

test("the action's script passes its inputs on, sets its outputs, and ends as the run does", () => {
  const { folder, status } = runScript("bash", step.run, { ...INPUTS, ARGS: FAULTY });
  expect(status).toBe(1);
  expect(readFileSync(join(folder, "output"), "utf8")).toBe("verdict=fail\nfindings=1\n");
  expect(readFileSync(join(folder, "out/junit.xml"), "utf8")).toContain("<failure");

  const wrong = runScript("bash", step.run, { ...INPUTS, TARGET: "", CMD: "no-such-server --port {port}", ARGS: "" });
  expect(wrong.stderr).toContain("no-such-server");
  expect(wrong.status).toBe(2);
  expect(readFileSync(join(wrong.folder, "output"), "utf8")).toBe("verdict=inconclusive\nfindings=0\n");
});

test("GitLab's script passes its variables on and ends as the run does", () => {
  const lab = { ...job.variables, CROSSTALK_TARGET: "lab", CROSSTALK_ARGS: "--traces 2" };
  const { folder, status } = runScript("sh", job.script[0], lab);
  expect(status).toBe(0);
  expect(readFileSync(join(folder, job.artifacts.reports.junit), "utf8")).toContain("<testcase");
  const wrong = { ...job.variables, CROSSTALK_CMD: "no-such-server --port {port}" };
  expect(runScript("sh", job.script[0], wrong).status).toBe(2);
});
