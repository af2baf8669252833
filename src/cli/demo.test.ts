import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { summarySchema } from "../report/summary.ts";
import { crosstalk, temporaryFolder } from "./testing.ts";

/** Every file below a folder, as path and text; the summary names the folder, which is left out of it. */
function contents(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((file) => {
      const path = join(file.parentPath, file.name);
      return [path.slice(folder.length), readFileSync(path, "utf8").replaceAll(folder, "")];
    }),
  );
}

test("finds its planted bug, reduces it to at most 4 requests and a cancel, and says who read whose cells", async () => {
  const out = temporaryFolder();
  const { code, stdout } = await crosstalk("demo", "--out", out);
  expect(code).toBe(0);
  expect(stdout).toMatch(/CLEAN: 40 traces/);
  expect(stdout).toMatch(/FOUND (foreign|stale|torn) read/);
  expect(stdout).toMatch(/had been\s+cancelled/);
  expect(stdout).toMatch(/Reproduce with:/);
  const [folder] = readdirSync(join(out, "pd-free-on-abort/findings"));
  const files = readdirSync(join(out, "pd-free-on-abort/findings", folder!));
  expect(files.toSorted()).toEqual([
    "advisory.md",
    "finding.json",
    "history.jsonl",
    "issue.md",
    "report.html",
    "repro.mjs",
    "repro.py",
    "timeline.txt",
    "trace.json",
    "write_model.py",
  ]);
});

test("writes the same bytes for the same seed", async () => {
  const [first, second] = [temporaryFolder(), temporaryFolder()];
  await Promise.all([first, second].map((out) => crosstalk("demo", "--out", out)));
  expect(contents(first)).toEqual(contents(second));
});

test("ends with a summary that keeps to its schema", async () => {
  const { code, stdout, stderr } = await crosstalk("demo", "--json", "--out", temporaryFolder());
  expect(code).toBe(0);
  expect(stderr).toBe("");
  const summary = summarySchema.parse(JSON.parse(stdout));
  expect(summary.verdict).toBe("fail");
  expect(summary.findings).toHaveLength(1);
  const [finding] = summary.findings;
  expect(finding!.requests).toBeLessThanOrEqual(4);
  expect(finding!.cancels).toBeLessThanOrEqual(1);
  expect(finding!.confirmation).toMatchObject({ failed: 10, runs: 10, servers: 2 });
});

test("of a bug that cannot show is no success", async () => {
  const { code, stderr } = await crosstalk("demo", "--fault", "no-such-fault", "--out", temporaryFolder());
  expect(code).toBe(2);
  expect(stderr).toContain("no-such-fault");
});
