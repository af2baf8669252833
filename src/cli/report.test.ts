/** Reports that are written again: the same bytes from what is on disk, or a clear message and exit code 2. */

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crosstalk, temporaryFolder } from "./testing.ts";

/** Files that reports are made of; all others are reports. */
const SAVED = /(^runs\/|runs\.jsonl|summary\.json|trace\.json|history\.jsonl|finding\.json|server\.log)/;

const base = mkdtempSync(join(tmpdir(), "crosstalk-report-"));
const campaign = join(base, "run");
const reports = (folder: string) => ["--junit", join(folder, "junit.xml"), "--summary-md", join(folder, "page.md")];

beforeAll(() => {
  const args = ["run", "--target", "lab", "--topology", "pd", "--fault", "pd-free-on-abort", "--traces", "20"];
  const main = join(import.meta.dirname, "main.ts");
  const all = [main, ...args, "--findings", "2", "--json", "--out", campaign, ...reports(campaign)];
  const env = { ...process.env, GITHUB_ACTIONS: "", GITHUB_STEP_SUMMARY: "" };
  try {
    execFileSync(process.execPath, all, { env, stdio: "pipe" });
  } catch (error) {
    // Findings are what is wanted here.
    if ((error as { status: number | null }).status !== 1) throw error;
  }
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Text of every file by its path. */
function filesIn(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const files = paths.filter((path) => statSync(join(folder, path)).isFile());
  return new Map(files.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

/** A copy that a test may change. */
function copy(source = campaign): string {
  const folder = join(temporaryFolder(), "copy");
  cpSync(source, folder, { recursive: true });
  return folder;
}

const findingsIn = (folder: string) => readdirSync(join(folder, "findings")).map((id) => join(folder, "findings", id));

function withoutReports(folder: string): string {
  for (const path of filesIn(folder).keys()) if (!SAVED.test(path)) rmSync(join(folder, path));
  return folder;
}

test("every report of a campaign is written again, byte for byte, wherever its folder was moved to", async () => {
  const folder = withoutReports(copy());
  const { code, stderr } = await crosstalk("report", folder, ...reports(folder));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(filesIn(folder)).toEqual(filesIn(campaign));
  expect(findingsIn(folder)).toHaveLength(2);
  expect([...filesIn(campaign).keys()]).toContain("report.html");
});

test("those of one finding, too, and --json lists them", async () => {
  const [first] = findingsIn(campaign);
  const folder = withoutReports(copy(first));
  const { code, stdout } = await crosstalk("report", folder, "--json");
  expect(code).toBe(0);
  expect(filesIn(folder)).toEqual(filesIn(first!));
  const { findings, written } = JSON.parse(stdout);
  expect(findings).toHaveLength(1);
  expect(written).toContain(join(folder, "report.html"));
  expect(written).not.toContain(join(folder, "finding.json"));
});

test("another history gives another page", async () => {
  const folder = copy(findingsIn(campaign)[0]);
  const path = join(folder, "history.jsonl");
  const text = readFileSync(path, "utf8");
  const before = readFileSync(join(folder, "report.html"), "utf8");
  const last = text.trimEnd().split("\n").at(-1)!;
  writeFileSync(
    path,
    text.replace(
      last,
      last.replace(/"t":(\d+)/, (_, t) => `"t":${2 * Number(t)}`),
    ),
  );
  expect((await crosstalk("report", folder)).code).toBe(0);
  expect(readFileSync(join(folder, "report.html"), "utf8")).not.toBe(before);
});

describe("refused with exit code 2, and no report touched:", () => {
  async function refused(folder: string, message: RegExp, ...options: readonly string[]): Promise<void> {
    const before = filesIn(folder);
    const { code, stderr } = await crosstalk("report", folder, ...options);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/unexpected error/);
    expect(code).toBe(2);
    expect(filesIn(folder)).toEqual(before);
  }

  test("a folder that is neither", () => refused(temporaryFolder(), /neither a finding's folder.*nor a campaign's/));

  test("a broken summary", () => {
    const folder = copy();
    writeFileSync(join(folder, "summary.json"), "{");
    return refused(folder, /summary\.json: not JSON/);
  });

  test("a summary of another version", () => {
    const folder = copy();
    const path = join(folder, "summary.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("crosstalk-summary/", "crosstalk-summary/9"));
    return refused(folder, /summary\.json:[\s\S]*crosstalk-summary/);
  });

  test("a broken line of a campaign's traces, by its number", () => {
    const folder = copy();
    const path = join(folder, "runs.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replace('"counts"', '"count"'));
    return refused(folder, /runs\.jsonl, line 1: /);
  });

  test("a broken finding of a campaign, by its path", () => {
    const folder = copy();
    const [first] = findingsIn(folder);
    writeFileSync(join(first!, "finding.json"), "[]");
    return refused(folder, new RegExp(`${first}/finding\\.json: `));
  });

  test("a finding that is gone", () => {
    const folder = copy();
    const [first] = findingsIn(folder);
    rmSync(first!, { recursive: true });
    return refused(folder, new RegExp(`cannot read ${first}`));
  });

  test("a history that is cut short within a line", () => {
    const folder = copy(findingsIn(campaign)[0]);
    const path = join(folder, "history.jsonl");
    truncateSync(path, statSync(path).size - 9);
    return refused(folder, /finding\.json is cut short, \d+ of \d+ events are there: line \d+ is cut short/);
  });

  test("the history of another trace", () => {
    const [first, second] = findingsIn(campaign);
    const folder = copy(first);
    cpSync(join(second!, "history.jsonl"), join(folder, "history.jsonl"));
    return refused(folder, /trace\.json is not the trace of this history/);
  });

  test("a campaign's reports of a finding", () => {
    const [first] = findingsIn(campaign);
    return refused(copy(first), /of a whole campaign/, "--junit", join(temporaryFolder(), "junit.xml"));
  });
});

test("on a full disk it says which file, and what reports are made of stays as it was", async () => {
  const folder = copy(findingsIn(campaign)[0]);
  const saved = () => [...filesIn(folder)].filter(([path]) => SAVED.test(path));
  rmSync(join(folder, "report.html"));
  symlinkSync("/dev/full", join(folder, "report.html"));
  const before = saved();
  const { code, stderr } = await crosstalk("report", folder);
  expect(stderr).toMatch(/cannot write .*report\.html: ENOSPC/);
  expect(code).toBe(2);
  expect(saved()).toEqual(before);
});

test("a folder where a report should be is named", async () => {
  const folder = withoutReports(copy(findingsIn(campaign)[0]));
  mkdirSync(join(folder, "report.html"));
  const { code, stderr } = await crosstalk("report", folder);
  expect(stderr).toMatch(/cannot write .*report\.html: EISDIR/);
  expect(code).toBe(2);
});
