import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HIT_TRACE } from "../bisect/testing/trace.ts";
import { formatTrace } from "../trace/read.ts";
import { crosstalk, temporaryFolder } from "./testing.ts";

const MAIN = join(import.meta.dirname, "main.ts");

function savedTrace(): string {
  const file = join(temporaryFolder(), "trace.json");
  writeFileSync(file, formatTrace(HIT_TRACE));
  return file;
}

/** Starts the lab as the engine's version has it: version 3 on has a fault. */
const lab = (version: string) =>
  `sh -c 'test ${version} -ge 3 && fault="--fault count-one-block-over"; exec ${process.execPath} ${MAIN} lab --port {port} $fault'`;

test("bisects versions of a server that it starts, and one that does not build is left out", async () => {
  const versions = ["--versions", "1", "2", "3", "4"];
  const build = ["--build", "test {version} -ne 2 || { echo no such header >&2; exit 1; }"];
  const { code, stdout, stderr } = await crosstalk(
    "bisect",
    savedTrace(),
    "--cmd",
    lab("{version}"),
    ...build,
    ...versions,
    "--runs",
    "1",
  );
  expect(stderr).toContain("2: could not be tested: the build failed: no such header");
  expect(stdout).toMatch(/^FIRST BAD: 3\n {2}last good: 1\n {2}Between them .*: 2\.\n/);
  expect(code).toBe(1);
});

test("takes the commits of a repository, and ends with a JSON object", async () => {
  const folder = temporaryFolder();
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", ...args], { encoding: "utf8" });
  git("init", "-q");
  const commits = [2, 3].map((version) => {
    writeFileSync(join(folder, "version"), `${version}`);
    git("add", "version");
    git("commit", "-q", "-m", `${version}`);
    return git("rev-parse", "HEAD").trim();
  });
  const { stdout, code } = await crosstalk(
    "bisect",
    savedTrace(),
    "--git",
    folder,
    "--good",
    commits[0]!,
    "--bad",
    commits[1]!,
    "--build",
    `git -C ${folder} checkout -q {version}`,
    "--cmd",
    lab(`$(cat ${folder}/version)`),
    "--runs",
    "1",
    "--json",
  );
  expect(code).toBe(1);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ firstBad: commits[1], lastGood: commits[0], untestable: [] });
  expect(result.tested).toHaveLength(2);
});

test.each([
  [["--versions", "1", "2"], /no option says where the version goes/],
  [["--versions", "1", "--image", "x:{version}"], /nothing to choose between/],
  [["--git", "/nowhere", "--image", "x:{version}"], /--git needs two commits/],
  [["--git", "/nowhere", "--good", "a", "--bad", "b", "--image", "x:{version}"], /git knows no way from a to b/],
])("refuses %j", async (options, message) => {
  const { code, stderr } = await crosstalk("bisect", savedTrace(), ...options);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});
