import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { summarySchema } from "../report/summary.ts";
import { crosstalk, startCrosstalk, temporaryFolder } from "./testing.ts";

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends a run on the lab in order", async (signal) => {
  const out = temporaryFolder();
  const { child, said, ended } = startCrosstalk("run", "--target", "lab", "--budget", "10m", "--out", out);
  await said("seed 1");
  child.kill(signal);
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toContain("stopped by the user");
  const summary = summarySchema.parse(JSON.parse(readFileSync(join(out, "summary.json"), "utf8")));
  expect(summary).toMatchObject({ verdict: "inconclusive", error: { code: "INTERRUPTED" } });
});

test("an interrupted replay says so, and counts the tries that it made", async () => {
  const out = temporaryFolder();
  await crosstalk("run", "--target", "lab", "--traces", "1", "--out", out);
  const trace = join(out, "runs/0001.trace.json");
  const { child, said, ended } = startCrosstalk("replay", trace, "--target", "lab", "--tries", "1000000");
  await said("replaying");
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(130);
  expect(stdout).toMatch(/failed in 0 of \d+ tries/);
  expect(stderr).toContain("stopped by the user");
});
