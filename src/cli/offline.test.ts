/** Commands that work on what is on disk: model, check, replay, engines. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tracerModel } from "../tracer/manifest.ts";
import { crosstalk, temporaryFolder } from "./testing.ts";

const FAULTY = ["--target", "lab", "--topology", "pd", "--fault", "pd-free-on-abort"];

/** The repro folder of the demo's bug. */
async function finding(): Promise<string> {
  const out = temporaryFolder();
  await crosstalk("run", ...FAULTY, "--out", out);
  const [id] = readdirSync(join(out, "findings"));
  return join(out, "findings", id!);
}

test("a saved finding is judged again, and replayed: failing on the fault, clean without it", async () => {
  const folder = await finding();
  const judged = await crosstalk("check", folder, "--print");
  expect(judged.stdout).toMatch(/own-cells-only +fail[\s\S]*(foreign|stale|torn) read/);
  expect(judged.code).toBe(1);

  const faulty = await crosstalk("replay", folder, ...FAULTY, "--tries", "3");
  expect(faulty.stdout).toMatch(/failed in 3 of 3 tries/);
  expect(faulty.code).toBe(1);

  const clean = await crosstalk("replay", folder, "--target", "lab", "--topology", "pd", "--tries", "3");
  expect(clean.stdout).toMatch(/failed in 0 of 3 tries; at most 63\.2 % of runs fail/);
  expect(clean.code).toBe(0);
});

test("the model is written as its manifest says", async () => {
  const file = join(temporaryFolder(), "tracer.gguf");
  const { code, stdout } = await crosstalk("model", file, "--json");
  expect(code).toBe(0);
  const { manifest, pieces } = tracerModel();
  expect(JSON.parse(stdout)).toEqual(manifest);
  expect(readFileSync(file).equals(Buffer.concat(pieces))).toBe(true);
});

test("engines and faults are listed", async () => {
  const { code, stdout } = await crosstalk("engines");
  expect(stdout).toMatch(/llama\.cpp[\s\S]*stale-row[\s\S]*pd-free-on-abort/);
  expect(code).toBe(0);
});
