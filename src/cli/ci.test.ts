/** `crosstalk run` in a CI job: what it writes, and what it ends with. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { XMLValidator } from "fast-xml-parser";
import { expect, test } from "vitest";
import { runEventSchema } from "../report/events.ts";
import { summarySchema } from "../report/summary.ts";
import { crosstalk, crosstalkWith, temporaryFolder } from "./testing.ts";

const FAULTY = ["--target", "lab", "--topology", "pd", "--fault", "pd-free-on-abort", "--traces", "6"];

test("a finding: every report is written, and its line makes a baseline that excuses it", async () => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder, name);
  writeFileSync(at("job.md"), "before\n");
  const job = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: at("job.md") };
  const files = ["--junit", at("junit.xml"), "--summary-md", at("page.md"), "--events", at("events.jsonl")];
  const found = await crosstalkWith(job, "run", ...FAULTY, ...files, "--findings", "9", "--out", at("first"));
  expect(found.code).toBe(1);
  expect(found.stderr).toMatch(/^::error title=Crosstalk%3A foreign read/m);
  expect(XMLValidator.validate(readFileSync(at("junit.xml"), "utf8"))).toBe(true);
  expect(readFileSync(at("junit.xml"), "utf8")).toContain("Reproduce with:");
  expect(readFileSync(at("job.md"), "utf8")).toBe(`before\n${readFileSync(at("page.md"), "utf8")}`);

  const events = readFileSync(at("events.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => runEventSchema.parse(JSON.parse(line)));
  const [first, last] = [events[0]!, events.at(-1)!];
  expect(first.e).toBe("begin");
  expect(new Set(events.map(({ e }) => e))).toEqual(
    new Set(["begin", "target", "ran", "failure", "minimising", "confirming", "arm", "finding", "summary"]),
  );
  const summary = summarySchema.parse(JSON.parse(readFileSync(at("first/summary.json"), "utf8")));
  expect(last).toMatchObject({ e: "summary", summary });

  const known = [...found.stdout.matchAll(/^ {2}(\{"signature".*\})$/gm)].map(([, line]) => ({
    ...JSON.parse(line!),
    link: "https://example.org/issues/1",
  }));
  expect(known).toHaveLength(summary.findings.length);
  const baseline = (change: object) => {
    const entries = known.map((entry) => ({ ...entry, ...change }));
    writeFileSync(at("known.json"), JSON.stringify({ crosstalk: "crosstalk-baseline/1", known: entries }));
    return ["--baseline", at("known.json")];
  };
  const excused = await crosstalk("run", ...FAULTY, ...baseline({}), "--out", at("second"));
  expect(excused.stdout).toMatch(
    /^KNOWN: 6 traces[\s\S]*known: lab\/own-cells-only.*https:\/\/example\.org\/issues\/1/m,
  );
  expect(excused.stdout).not.toContain("FOUND");
  expect(excused.code).toBe(0);

  const expired = await crosstalk("run", ...FAULTY, ...baseline({ expires: "2020-01-31" }), "--out", at("third"));
  expect(expired.stdout).toMatch(/^FINDING[\s\S]*known until 2020-01-31, and no longer/m);
  expect(expired.code).toBe(1);
});

test("a run that could not test writes its reports all the same", async () => {
  const folder = temporaryFolder();
  const [junit, events] = [join(folder, "junit.xml"), join(folder, "events.jsonl")];
  const files = ["--junit", junit, "--events", events, "--out", join(folder, "out")];
  const { code } = await crosstalkWith({ GITHUB_ACTIONS: "true" }, "run", "--cmd", "false {port}", ...files);
  expect(code).toBe(2);
  expect(readFileSync(junit, "utf8")).toContain('<error type="ENGINE_EXITED"');
  const lines = readFileSync(events, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ e }) => e)).toEqual(["begin", "summary"]);
});

test("events on standard output leave it to nothing else", async () => {
  const lab = ["run", "--target", "lab", "--traces", "2", "--events", "-", "--out", temporaryFolder()];
  const { code, stdout } = await crosstalk(...lab);
  expect(code).toBe(0);
  for (const line of stdout.trimEnd().split("\n")) runEventSchema.parse(JSON.parse(line));
  const both = await crosstalk(...lab, "--json");
  expect(both.code).toBe(2);
});

test("a report that cannot be written is no clean run", async () => {
  const file = join(temporaryFolder(), "taken");
  writeFileSync(file, "");
  const lab = ["run", "--target", "lab", "--traces", "2", "--out", temporaryFolder()];
  const { code, stderr } = await crosstalk(...lab, "--junit", join(file, "junit.xml"));
  expect(stderr).toContain("cannot write");
  expect(code).toBe(2);
});

test("a limit on the folder is heeded, and what was left out is said", async () => {
  const lab = ["run", "--target", "lab", "--traces", "6", "--out", temporaryFolder()];
  const { stdout } = await crosstalk(...lab, "--max-artifacts", "1kB");
  expect(stdout).toMatch(/less 6 clean runs, the oldest, thrown away for --max-artifacts/);
});
