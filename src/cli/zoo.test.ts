import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Row } from "../zoo/page.ts";
import { crosstalk, startCrosstalk, temporaryFolder } from "./testing.ts";

const SMALL = ["--seeds", "2", "--requests", "400", "--ordinary", "80", "--clean", "80"];

test("finds planted faults, compares simpler testers, and gives the same page in any number of threads", async () => {
  const page = join(temporaryFolder(), "zoo.md");
  const args = ["zoo", "--only", "pd-free-on-abort,lost-tail", ...SMALL, "--page", page];
  const { code, stdout, stderr } = await crosstalk(...args, "--jobs", "3");
  expect(stderr).toContain("pd-free-on-abort in pd: found 2 of 2");
  expect(stderr).toMatch(/of 3 hunts by Crosstalk took \d over 5 s, \d over 60 s of processor time/);
  expect(code).toBe(0);
  expect(readFileSync(page, "utf8")).toBe(stdout);
  expect(stdout).toContain("Found by Crosstalk: **6 of 6** hunts");
  expect(stdout).toContain("Class named rightly: **6 of 6**");
  expect(stdout).toMatch(/Clean labs: \*\*0 alarms in \d+ requests\*\*/);
  expect((await crosstalk(...args, "--jobs", "1")).stdout).toBe(stdout);
});

test("a fault that no scenario finds is hunted with each seed, also where a lab has fewer of them", async () => {
  const few = ["--seeds", "2", "--requests", "800", "--ordinary", "0", "--clean", "0", "--alone"];
  const { stdout, stderr } = await crosstalk("zoo", "--only", "adapter-not-hashed", ...few, "--json");
  const rows: Row[] = JSON.parse(stdout).rows;
  const ended = rows.flatMap((row) => row.hunts.crosstalk.map((h) => h.inScenario));
  expect(ended).toEqual([false, false, false, false]);
  expect(stderr).toContain("of 4 hunts by Crosstalk");
});

test("simpler testers may have fewer seeds", async () => {
  const { stdout } = await crosstalk(
    "zoo",
    "--only",
    "pd-free-on-abort",
    ...SMALL,
    "--clean",
    "0",
    "--beside",
    "1",
    "--json",
  );
  const { hunts } = JSON.parse(stdout).rows[0];
  expect(hunts.crosstalk).toHaveLength(2);
  for (const hunter of ["generated", "no-cancels", "no-pressure", "unplanned", "texts"])
    expect(hunts[hunter]).toHaveLength(1);
});

describe("rows that are saved", () => {
  const quick = ["--seeds", "1", "--requests", "400", "--ordinary", "40", "--clean", "0", "--alone"];
  const args = (file: string) => ["zoo", "--only", "lost-tail", ...quick, "--save", file];

  test("are not run again, and what was cut off is", async () => {
    const file = join(temporaryFolder(), "zoo.jsonl");
    const { stdout } = await crosstalk(...args(file));
    const saved = readFileSync(file, "utf8");
    const rows = saved.trimEnd().split("\n");
    expect(rows).toHaveLength(2);
    const mark = "a law that no hunt can find broken";
    const marked = rows[0]!.replaceAll(/"law":"[^"]*"/g, `"law":"${mark}"`);
    writeFileSync(file, `${marked}\n${rows[1]!.slice(0, -9)}`);
    const again = await crosstalk(...args(file), "--json");
    const laws = JSON.parse(again.stdout).rows.map((row: Row) => row.hunts.crosstalk.map((h) => h.finding?.law));
    expect(laws.flat().filter((law: string) => law === mark)).toHaveLength(1);
    expect(laws.flat()).toHaveLength(2);
    writeFileSync(file, saved);
    expect((await crosstalk(...args(file))).stdout).toBe(stdout);
  });

  test("with other options are run again", async () => {
    const file = join(temporaryFolder(), "zoo.jsonl");
    await crosstalk(...args(file));
    const before = readFileSync(file, "utf8");
    const { stdout } = await crosstalk(...args(file), "--requests", "300");
    expect(stdout).toContain("300 requests at most");
    const after = readFileSync(file, "utf8");
    expect(after.startsWith(before)).toBe(true);
    expect(after.match(/300 requests/g)).toHaveLength(2);
  });

  test("are not taken from a file of something else", async () => {
    const file = join(temporaryFolder(), "zoo.jsonl");
    writeFileSync(file, '{"of":1}\n');
    const { code, stderr } = await crosstalk(...args(file));
    expect(code).toBe(2);
    expect(stderr).toContain("line 1");
    expect(readFileSync(file, "utf8")).toBe('{"of":1}\n');
  });
});

test("Ctrl-C ends the threads in the middle of their hunts", async () => {
  const long = ["--seeds", "1", "--requests", "100000000", "--ordinary", "0", "--clean", "0", "--alone"];
  const folder = folderOf(fault("does-nothing", "() => {}"));
  const only = ["--faults", folder, "--only", "lost-tail,does-nothing", "--jobs", "2"];
  const { child, said, ended } = startCrosstalk("zoo", ...long, ...only);
  await said("lost-tail in pd: found 1 of 1");
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(130);
  expect(stdout).toBe("");
  expect(stderr).toContain("stopped by the user");
});

test("an error in a thread ends the zoo, and says where it was", async () => {
  const folder = folderOf(fault("throws", "() => { throw new Error('no such worker'); }"));
  const { code, stderr } = await crosstalk("zoo", "--faults", folder, "--only", "throws", ...SMALL, "--alone");
  expect(code).toBe(2);
  // Its first pieces run at the same time: whichever is planted first throws.
  expect(stderr).toMatch(/throws in (single|pd), (crosstalk, seed \d|ordinary load): Error: no such worker/);
});

/** Fails always, or never. */
const fault = (name: string, plant: string) => `
export const fault = {
  name: "${name}",
  mistake: "A test of the zoo.",
  class: "C7",
  resembles: { title: "nothing", url: "https://example.org/" },
  trigger: "any request",
  symptom: "none",
  breaks: "own-cells-only",
  topologies: ["single"],
  shows: ["foreign read"],
  heals: [],
  plant: ${plant},
};
`;

function folderOf(text: string): string {
  const folder = join(temporaryFolder(), "faults");
  mkdirSync(folder);
  writeFileSync(join(folder, "fault.mjs"), text);
  return folder;
}

test("hunts for a fault from a folder, and says that it was missed", async () => {
  const folder = folderOf(fault("does-nothing", "() => {}"));
  const { code, stdout } = await crosstalk("zoo", "--faults", folder, "--only", "does-nothing", ...SMALL, "--alone");
  expect(code).toBe(1);
  expect(stdout).toContain("Not found every time: `does-nothing` in single");
});

test("a folder's fault is planted", async () => {
  const wrong = "({ workers }) => { for (const { kv } of workers) kv.blockKey = () => 'the same'; }";
  const folder = folderOf(fault("one-key", wrong));
  const { code, stdout } = await crosstalk(
    "zoo",
    "--faults",
    folder,
    "--only",
    "one-key",
    ...SMALL,
    "--alone",
    "--json",
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout).rows[0].hunts.crosstalk).toMatchObject([{ found: true }, { found: true }]);
});

test.each([
  ["an unknown fault", ["--only", "nonesuch"], 'the zoo has no fault "nonesuch"'],
  ["a folder that is not there", ["--faults", "/nonesuch"], "--faults /nonesuch cannot be read"],
])("%s is refused", async (_, args, message) => {
  const { code, stderr } = await crosstalk("zoo", ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test.each([
  ["exports no fault", "export const nothing = 1;", "exports no fault"],
  ["lacks something", fault("half", "() => {}").replace('breaks: "own-cells-only",', ""), "breaks"],
])("a module that %s is refused", async (_, text, message) => {
  const { code, stderr } = await crosstalk("zoo", "--faults", folderOf(text), "--alone");
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
