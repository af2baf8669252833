import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { toRun } from "../check/property.ts";
import { exampleFinding } from "../report/example.ts";
import { Store } from "./store.ts";
import { temporaryFolder } from "./testing.ts";

const finding = exampleFinding();
const run = toRun(finding.trace, finding.history);

/** Stored one after the other: clean runs and others, then the finding. */
function stored(maxBytes: number, ...clean: readonly boolean[]): Store {
  const store = new Store(temporaryFolder(), { maxBytes });
  for (const one of clean) store.run(run, one);
  store.finding(finding);
  return store;
}

const runsIn = ({ folder }: Store) => readdirSync(join(folder, "runs")).filter((name) => name.endsWith(".trace.json"));

test("without a limit everything stays", () => {
  const store = stored(Number.POSITIVE_INFINITY, true, false, true);
  expect(runsIn(store)).toHaveLength(3);
  expect(store.runsLeftOut).toBe(0);
});

test("where it is reached the oldest clean runs go, and those that broke a law stay", () => {
  const store = new Store(temporaryFolder(), { maxBytes: 10_000 });
  for (const clean of [true, false, true, true, true, true, true, true, true]) store.run(run, clean);
  const names = runsIn(store);
  expect(names.length).toBeLessThan(9);
  expect(names).toContain("0002.trace.json");
  expect(names).toContain("0009.trace.json");
  expect(names).not.toContain("0001.trace.json");
  expect(store.runsLeftOut).toBe(9 - names.length);
  expect(readdirSync(join(store.folder, "runs"))).toHaveLength(2 * names.length);
});

test("a finding is kept, however small the limit", () => {
  const store = stored(1, true, false);
  expect(runsIn(store)).toEqual(["0002.trace.json"]);
  expect(existsSync(join(store.folderOf(finding), "repro.py"))).toBe(true);
});
