/** Commands that work on what is on disk: model, check, replay, engines. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { summarySchema } from "../report/summary.ts";
import { OPTIONS } from "../trace/options.ts";
import { adapterFiles } from "../tracer/adapter-files.ts";
import { DEFAULT_MODEL, GGUF_FILE, MANIFEST_FILE, sumsOf, tracerModel } from "../tracer/manifest.ts";
import { readModel } from "./model-file.ts";
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

test("a fault of adapters brings the adapters that it needs, and is found, reduced and replayed", async () => {
  const out = temporaryFolder();
  const lab = ["--target", "lab", "--fault", "adapter-not-hashed"];
  const how = ["--seed", "2", "--traces", "30", "--findings", "2"];
  const { code, stdout } = await crosstalk("run", ...lab, ...how, "--json", "--out", out);
  expect(code).toBe(1);
  // A hit on another adapter's cells is a finding of its own, whatever the answer is.
  const finding = summarySchema.parse(JSON.parse(stdout)).findings.find((f) => f.law === "own-cells-only");
  expect(finding).toMatchObject({ class: "adapter mix-up", requests: 2 });
  expect(finding!.explanation).toMatch(/read its own cells? .*as (adapter a\d|the base model) \(of /);
  expect((await crosstalk("replay", finding!.repro, ...lab)).code).toBe(1);
  expect((await crosstalk("replay", finding!.repro, "--target", "lab")).code).toBe(0);
});

test("a clean lab with adapters: no alarm", async () => {
  const { code } = await crosstalk(
    "run",
    "--target",
    "lab",
    "--adapters",
    "--traces",
    "30",
    "--out",
    temporaryFolder(),
  );
  expect(code).toBe(0);
});

test.each(["gguf", "hf"] as const)("the model is written as its manifest says: %s", async (format) => {
  const folder = join(temporaryFolder(), "tracer");
  const { code, stdout } = await crosstalk("model", "write", folder, "--format", format, "--json");
  expect(code).toBe(0);
  const { manifest: ofModel, files } = tracerModel({ format });
  const adapters = adapterFiles({ ...DEFAULT_MODEL, format });
  const manifest = { ...ofModel, adapters: sumsOf(adapters) };
  expect(JSON.parse(stdout)).toEqual(manifest);
  expect(readdirSync(folder).sort()).toEqual([...files.keys(), MANIFEST_FILE, "adapters"].sort());
  for (const [name, pieces] of [...files, ...adapters])
    expect(readFileSync(join(folder, name)).equals(Buffer.concat(pieces))).toBe(true);
  expect(readModel(folder)).toEqual({
    path: format === "hf" ? folder : join(folder, GGUF_FILE),
    adapters: join(folder, "adapters"),
    manifest,
  });

  const [first] = manifest.files;
  writeFileSync(join(folder, first!.path), "other");
  expect(() => readModel(folder)).toThrow(expect.objectContaining({ code: "WRONG_MODEL" }));
  rmSync(join(folder, first!.path));
  expect(() => readModel(folder)).toThrow(`has lost ${first!.path}`);
});

test("the model has the shape of another one, changed by what else is said", async () => {
  const folder = temporaryFolder();
  const config = { num_hidden_layers: 6, num_attention_heads: 8, num_key_value_heads: 4, head_dim: 64 };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const shape = ["--like", folder, "--layers", "7", "--head-dim", "128", "--drag", "32"];
  const { code, stdout } = await crosstalk("model", "write", join(folder, "tracer"), ...shape, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout).shape).toEqual({
    readLayers: 5,
    kvHeads: 4,
    queryHeads: 16,
    headSize: 128,
    drag: 32,
    window: null,
    latent: null,
    experts: null,
  });
  expect(() => readModel(join(folder, "tracer"))).not.toThrow();
});

test.each([
  [["--layers", "2"], /2 layers[\s\S]*From 3 to 128/],
  [["--kv-heads", "17"], /17 KV heads[\s\S]*1 to 16/],
  [["--kv-heads", "2", "--heads", "6"], /6 query heads for 2 KV heads/],
  [["--head-dim", "96"], /head size 96[\s\S]*64, 128 or 256/],
  [["--experts", "2"], /2 experts[\s\S]*4 to 128/],
  [["--experts", "8", "--window", "64"], /a window and experts/],
  [["--experts", "8", "--latent", "512"], /a latent and experts/],
  [["--like", "package.json"], /not a Llama-family config: num_hidden_layers/],
  [["--like", "README.md"], /README\.md is not JSON/],
])("a model that would not read is refused: %s", async (options, message) => {
  const { code, stderr } = await crosstalk("model", "write", join(temporaryFolder(), "tracer"), ...options);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test("engines and faults are listed", async () => {
  const { code, stdout } = await crosstalk("engines");
  expect(stdout).toMatch(/llama\.cpp[\s\S]*stale-row[\s\S]*pd-free-on-abort/);
  expect(code).toBe(0);
});

test("a run can leave out every option of requests", async () => {
  const { stdout } = await crosstalk("run", "--help");
  const [choices] = /--without[\s\S]*?\(choices:([\s\S]*?)\)/.exec(stdout)!.slice(1);
  expect(choices!.match(/\w+/g)).toEqual([...OPTIONS]);
});
