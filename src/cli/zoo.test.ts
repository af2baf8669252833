import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crosstalk, temporaryFolder } from "./testing.ts";

const SMALL = ["--seeds", "2", "--requests", "400", "--ordinary", "80", "--clean", "80"];

test("finds planted faults, compares simpler testers, and gives the same page each time", async () => {
  const page = join(temporaryFolder(), "zoo.md");
  const args = ["zoo", "--only", "pd-free-on-abort,lost-tail", ...SMALL, "--page", page];
  const { code, stdout, stderr } = await crosstalk(...args);
  expect(stderr).toContain("pd-free-on-abort in pd: found 2 of 2");
  expect(code).toBe(0);
  expect(readFileSync(page, "utf8")).toBe(stdout);
  expect(stdout).toContain("Found by Crosstalk: **6 of 6** hunts");
  expect(stdout).toContain("Class named rightly: **6 of 6**");
  expect(stdout).toMatch(/Clean labs: \*\*0 alarms in \d+ requests\*\*/);
  expect((await crosstalk(...args)).stdout).toBe(stdout);
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
