import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ownCellsOnly } from "../../properties/index.ts";
import { judgeRun } from "../check/property.ts";
import { limitsOf } from "../generate/limits.ts";
import { scenario } from "../generate/scenarios.ts";
import { DEFAULT_INVESTIGATION, investigate, runOnce } from "../investigate.ts";
import { labTarget } from "../lab/target.ts";
import { formatTrace } from "../trace/read.ts";
import type { Trace } from "../trace/schema.ts";
import { ReductionFile } from "./reduction-log.ts";
import { crosstalk, temporaryFolder } from "./testing.ts";

const LAB = { topology: "pd", fault: "pd-free-on-abort" } as const;
const OPTIONS = ["--target", "lab", "--topology", LAB.topology];

const lab = () => labTarget({ ...LAB, model: "none" });

async function failingTrace(): Promise<Trace> {
  return scenario("cancel-in-prefill", limitsOf(await lab().start(), { requests: 20 }));
}

async function savedTrace(): Promise<string> {
  const file = join(temporaryFolder(), "trace.json");
  writeFileSync(file, formatTrace(await failingTrace()));
  return file;
}

/** The failure that a reduction begins with. */
async function failure() {
  const run = await runOnce(lab(), await failingTrace(), "main");
  const verdict = judgeRun(ownCellsOnly, run);
  if (verdict.status !== "fail") throw new Error("the trace does not fail");
  return { law: ownCellsOnly, run, witness: verdict.witnesses[0] };
}

/** Reduces on a lab whose executions are counted, and end with an error at the `last`. */
async function reduced(log: ReductionFile, last = Number.POSITIVE_INFINITY) {
  const target = lab();
  const execute = target.execute.bind(target);
  let executions = 0;
  target.execute = async (...args) => {
    if (++executions > last) throw new Error("pulled the plug");
    return execute(...args);
  };
  const limits = { ...DEFAULT_INVESTIGATION, log };
  const steps = investigate(target, await target.start(), await failure(), limits);
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return { finding: step.value, executions };
}

test("a reduction that was cut off goes on where it was, and ends with the same finding", async () => {
  const begin = async () => {
    const file = join(temporaryFolder(), "reduction.jsonl");
    return { file, log: ReductionFile.begin(file, { law: ownCellsOnly.id, run: (await failure()).run }) };
  };
  const whole = await reduced((await begin()).log);

  const { file, log } = await begin();
  await expect(reduced(log, 30)).rejects.toThrow("pulled the plug");
  appendFileSync(file, '{"trace":"half a li');
  const again = await reduced(ReductionFile.resume(file)!);
  expect(again.finding).toEqual(whole.finding);
  expect(again.executions).toBeLessThanOrEqual(whole.executions - 25);
  // Nothing of the earlier session is lost or left over.
  expect((await reduced(ReductionFile.resume(file)!)).finding).toEqual(whole.finding);
});

test("candidates of an earlier session are of no use once another one comes", async () => {
  const file = join(temporaryFolder(), "reduction.jsonl");
  const { run } = await failure();
  const other = { ...run.trace, name: "other" };
  const begun = ReductionFile.begin(file, { law: ownCellsOnly.id, run });
  begun.note(run.trace, { outcomes: [true], failed: run });
  begun.note(other, { outcomes: [false, false], failed: null });
  const resumed = ReductionFile.resume(file)!;
  expect(resumed.left).toBe(2);
  expect(resumed.recall(run.trace)).toMatchObject({ outcomes: [true] });
  expect(resumed.recall(run.trace)).toBe(null);
  expect(resumed.left).toBe(0);
  resumed.note(run.trace, { outcomes: [false], failed: null });
  const last = ReductionFile.resume(file)!;
  expect(last.left).toBe(2);
  expect(last.recall(run.trace)).toMatchObject({ outcomes: [true] });
  expect(last.recall(run.trace)).toMatchObject({ outcomes: [false] });
});

test("a candidate that is run anew ends the earlier session, in memory and in the file", async () => {
  const file = join(temporaryFolder(), "reduction.jsonl");
  const { run } = await failure();
  const begun = ReductionFile.begin(file, { law: ownCellsOnly.id, run });
  for (const outcomes of [[true], [false], [false, true]]) begun.note(run.trace, { outcomes, failed: null });
  const resumed = ReductionFile.resume(file)!;
  expect(resumed.recall(run.trace)).toMatchObject({ outcomes: [true] });
  resumed.note(run.trace, { outcomes: [true, true], failed: null });
  expect(resumed.recall(run.trace)).toBe(null);
  const last = ReductionFile.resume(file)!;
  expect([last.recall(run.trace), last.recall(run.trace), last.recall(run.trace)]).toMatchObject([
    { outcomes: [true] },
    { outcomes: [true, true] },
    null,
  ]);
});

test("reduces a trace from the command line, and leaves the finding alone in its folder", async () => {
  const out = temporaryFolder();
  const args = ["reduce", await savedTrace(), ...OPTIONS, "--fault", LAB.fault, "--out", out, "--json"];
  const { code, stdout } = await crosstalk(...args);
  expect(code).toBe(1);
  const { minimised, repro } = JSON.parse(stdout);
  expect(minimised.to.requests).toBeLessThanOrEqual(4);
  expect(readFileSync(join(repro, "issue.md"), "utf8")).toContain("KV");
  expect(existsSync(join(out, "reduction.jsonl"))).toBe(false);
});

test("a trace that does not fail is no finding, and the bound is told", async () => {
  const args = ["reduce", await savedTrace(), ...OPTIONS, "--tries", "3", "--out", temporaryFolder()];
  const { code, stdout } = await crosstalk(...args);
  expect(stdout).toContain("did not fail in 3 tries; at most 63.2 % of runs fail");
  expect(code).toBe(0);
});

test.each([
  {
    what: "is damaged",
    damage: (text: string) => `${text}{}\n`,
    says: /reduction.jsonl, line 2: .*\n.*trace/,
  },
  {
    what: "was begun on another engine",
    damage: (text: string) => text.replace('\\"name\\":\\"lab\\"', '\\"name\\":\\"vllm\\"'),
    says: /was begun on vllm .*, and this is lab/,
  },
])("a reduction that $what is refused", async ({ damage, says }) => {
  const out = temporaryFolder();
  const file = join(out, "reduction.jsonl");
  ReductionFile.begin(file, { law: ownCellsOnly.id, run: (await failure()).run });
  writeFileSync(file, damage(readFileSync(file, "utf8")));
  const { code, stderr } = await crosstalk(
    "reduce",
    await savedTrace(),
    ...OPTIONS,
    "--fault",
    LAB.fault,
    "--out",
    out,
  );
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
});
