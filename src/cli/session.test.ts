import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { labTarget } from "../lab/target.ts";
import type { Target } from "../target/target.ts";
import { progressTo } from "./progress.ts";
import { runSession, type Session } from "./session.ts";
import { Store } from "./store.ts";
import { temporaryFolder } from "./testing.ts";

/** A session that finds the planted bug of the lab. */
async function session(store: Store, change: (lab: Target) => Partial<Target> = () => ({})): Promise<Session> {
  const lab = labTarget({ model: "none", topology: "pd", fault: "pd-free-on-abort" });
  const target: Target = {
    start: () => lab.start(),
    execute: (trace, execution) => lab.execute(trace, execution),
    flush: () => lab.flush(),
    restart: () => lab.restart(),
    stop: () => lab.stop(),
    ...change(lab),
  };
  const limits = { seed: 1, traces: 200, budget: Number.POSITIVE_INFINITY, context: 1024, findings: 1 };
  const progress = progressTo(process.stderr, true);
  return runSession({ ...limits, target, store, progress, signal: new AbortController().signal });
}

test("a target that cannot be stopped does not lose what was found", async () => {
  const ends = await session(new Store(temporaryFolder()), () => ({
    stop: () => Promise.reject(new Error("still there")),
  }));
  expect(ends.findings).toHaveLength(1);
  expect(ends.summary).toMatchObject({ verdict: "fail", error: { message: "Error: still there" } });
});

test("a finding that cannot be written is reported still", async () => {
  const out = temporaryFolder();
  const store = new Store(out);
  writeFileSync(join(out, "findings"), "in the way");
  const ends = await session(store);
  expect(ends.findings).toHaveLength(1);
  expect(ends.summary).toMatchObject({ verdict: "fail", error: { code: "OUTPUT_NOT_WRITABLE" } });
});
