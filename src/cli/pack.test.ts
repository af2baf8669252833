/** The package as its users get it: packed, installed into an empty folder, run and imported there. */

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const REPOSITORY = join(import.meta.dirname, "../..");

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(folder: string, command: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
    });
  });
}

async function npm(folder: string, ...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run(folder, "npm", ...args);
  if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
}

let base = "";
/** Where a user would work: nothing in it but the installed package. */
let folder = "";
let installed = "";

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "crosstalk-pack-"));
  await npm(REPOSITORY, "pack", "--pack-destination", base);
  const [tarball] = readdirSync(base);
  folder = mkdtempSync(join(base, "user-"));
  await npm(folder, "install", "--no-audit", "--no-fund", "--omit=dev", join(base, tarball!));
  installed = join(folder, "node_modules/kv-crosstalk");
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

const described = () => JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));

test("the installed command finds its planted bug", async () => {
  const main = join(installed, described().bin.crosstalk);
  const { code, stdout, stderr } = await run(folder, process.execPath, main, "demo");
  expect(stderr).not.toMatch(/unexpected error/);
  expect(stdout).toMatch(/FOUND (foreign|stale|torn) read/);
  expect(code).toBe(0);
  const [finding] = readdirSync(join(folder, "crosstalk-out/demo/pd-free-on-abort/findings"));
  expect(finding).toMatch(/^own-cells-only-/);
});

test("both names of the command are linked and say the package's version", async () => {
  for (const name of Object.keys(described().bin)) {
    const { stdout } = await run(folder, join(folder, "node_modules/.bin", name), "--version");
    expect(stdout.trim()).toBe(described().version);
  }
});

test("its threads are found in the package, too", async () => {
  const main = join(installed, described().bin.crosstalk);
  const few = ["--seeds", "1", "--ordinary", "0", "--clean", "0", "--alone", "--jobs", "2"];
  const { code, stderr } = await run(folder, process.execPath, main, "zoo", "--only", "lost-tail", ...few);
  expect(stderr).toContain("lost-tail in pd: found 1 of 1");
  expect(code).toBe(0);
});

/** Names that a user of each entry point starts with. */
const ENTRIES = {
  "kv-crosstalk": [
    ...["parseTrace", "formatTrace", "printTrace", "resolveRequests", "traceSchema", "TRACE_VERSION"],
    ...["parseHistory", "formatHistory", "outcomes", "HISTORY_VERSION"],
    ...["judge", "toRun", "joinStatus", "coverage", "explainWitness", "forArm", "rate"],
    ...["tokenName", "payloadRun", "computeChunk", "tracerModel"],
    ...["generateTrace", "limitsOf", "scenario", "createMinimizer", "reproFolder", "formatTerminal"],
    ...["labTarget", "LAB_FAULTS", "campaign", "investigate", "CrosstalkError"],
  ],
  "kv-crosstalk/properties": [
    "allProperties",
    "ownCellsOnly",
    "cancelledPrefix",
    "earnedHits",
    "staysUp",
    "lawsFor",
    "samePromptSameOutput",
    "settles",
  ],
  "kv-crosstalk/harness": ["ENGINES", "engineProfile", "containerTarget", "processTarget", "urlTarget", "runTrace"],
};

test.each(Object.entries(ENTRIES))("%s is imported with its names", async (entry, names) => {
  const list = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(entry)}))))`;
  const { stdout, stderr } = await run(folder, process.execPath, "--input-type=module", "--eval", list);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(names));
});

test("a campaign of one's own runs on what the package gives, and its types hold", async () => {
  const program = `
    import { campaign, type CampaignResult, DEFAULT_INVESTIGATION, generateTrace, labTarget, limitsOf } from "kv-crosstalk";
    import { allProperties, settles } from "kv-crosstalk/properties";
    import type { EngineProfile } from "kv-crosstalk/harness";

    export const engine: EngineProfile | null = null;
    const target = labTarget({ model: "none", topology: "pd", fault: "pd-free-on-abort" });
    const description = await target.start();
    const traces = Array.from({ length: 40 }, (_, seed) => generateTrace(seed, limitsOf(description)));
    const events = campaign({
      target, description, traces, laws: allProperties, goOn: () => true, investigation: DEFAULT_INVESTIGATION, findings: 1,
    });
    let step = await events.next();
    while (!step.done) step = await events.next();
    const result: CampaignResult = step.value;
    // @ts-expect-error A law is no number: types are there, and are not any.
    export const law: number = settles;
    console.log(result.findings[0]?.anomaly.class);
  `;
  writeFileSync(join(folder, "own.mts"), program);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2023", "--lib"];
  const tsc = join(REPOSITORY, "node_modules/.bin/tsc");
  const types = ["es2024,dom", "--typeRoots", join(REPOSITORY, "node_modules/@types"), "--types", "node"];
  expect(await run(folder, tsc, ...options, ...types, "own.mts")).toMatchObject({ code: 0, stdout: "" });
  const { stdout } = await run(folder, process.execPath, "own.mts");
  expect(stdout.trim()).toMatch(/^(foreign|stale) read$/);
});

test("holds the files it promises, and no tests", () => {
  for (const file of ["README.md", "LICENSE", "docs/trace.md", "docker/llama-cpp/Dockerfile"]) {
    expect(existsSync(join(installed, file)), file).toBe(true);
  }
  for (const entry of Object.values<{ types?: string; default?: string } | string>(described().exports)) {
    for (const file of typeof entry === "string" ? [entry] : Object.values(entry)) {
      expect(existsSync(join(installed, file)), file).toBe(true);
    }
  }
  const files = readdirSync(join(installed, "dist"), { recursive: true, encoding: "utf8" });
  expect(files.filter((file) => /\.test\.|testing|hand-made|report\/example/.test(file))).toEqual([]);
  const dockerfile = readFileSync(join(installed, "docker/llama-cpp/Dockerfile"), "utf8");
  for (const [, source] of dockerfile.matchAll(/^COPY (?!--)(\S+)/gm)) {
    expect(existsSync(join(dirname(join(installed, "docker/llama-cpp/Dockerfile")), source!)), source).toBe(true);
  }
});
