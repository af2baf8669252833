import { describe, expect, test } from "vitest";
import { ownCellsOnly, settles, staysUp } from "../properties/index.ts";
import type { Property, RunSet } from "./check/property.ts";
import { fail, pass, type Verdict } from "./check/verdict.ts";
import { CrosstalkError } from "./errors.ts";
import type { Arm, History } from "./history/schema.ts";
import { DEFAULT_INVESTIGATION, type Failure, investigate, runOnce } from "./investigate.ts";
import { labTarget } from "./lab/target.ts";
import { EngineLostError } from "./target/engine-lost.ts";
import type { Execution, Target, TargetDescription } from "./target/target.ts";
import { expectedTokens, resolveRequests } from "./trace/prompt.ts";
import { TRACE_VERSION, type Trace } from "./trace/schema.ts";
import { badToken, digitsOf, payloadRun, payloadToken } from "./tracer/vocabulary.ts";

const TRACE: Trace = {
  crosstalk: TRACE_VERSION,
  name: "one",
  segments: { A: { seed: 1, family: 1, length: 20 } },
  steps: [{ at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 2 }],
};
const LIMITS = { ...DEFAULT_INVESTIGATION, servers: 2, runsPerServer: 3, armRuns: 2 };
const witness = { request: "r1", index: null, expected: "", observed: "" };
/** A law that everything breaks. */
const broken = {
  ...settles,
  check: (): Verdict => ({ status: "fail", reason: "always", witnesses: [witness] }),
};

/** A lab that says of itself what the test wants, and counts its restarts between two runs. */
async function counted(more: Partial<TargetDescription>, execute?: Target["execute"]) {
  const lab = labTarget({ model: "none" });
  const between: number[] = [0];
  const target: Target = {
    start: () => lab.start(),
    flush: () => lab.flush(),
    stop: () => lab.stop(),
    restart: async () => {
      between[between.length - 1]!++;
    },
    execute: (trace, execution) => {
      between.push(0);
      return (execute ?? lab.execute.bind(lab))(trace, execution);
    },
  };
  const description = { ...(await lab.start()), ...more };
  const failure: Failure = { law: broken, run: await runOnce(lab, TRACE, "main"), witness };
  return { target, description, failure, between };
}

async function result<T>(steps: AsyncGenerator<unknown, T>): Promise<T> {
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return step.value;
}

test("a target with caches that outlive a flush gets one fresh server for each run, and no two", async () => {
  const { target, description, failure, between } = await counted({ isolation: "restart" });
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(new Set(between.slice(0, -1))).toEqual(new Set([1]));
  expect(finding.confirmation).toMatchObject({ failed: 6, runs: 6, servers: 6 });
});

test("a target that flushes everything is restarted for confirmation and for its arm only", async () => {
  const { target, description, failure, between } = await counted({ isolation: "flush" });
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(between.reduce((sum, n) => sum + n, 0)).toBe(LIMITS.servers + LIMITS.armRuns);
  expect(finding.confirmation).toMatchObject({ runs: 6, servers: 2 });
});

test("a repro on a target that varies is weighed as it is confirmed: on a fresh server, and again on the same", async () => {
  const { target, description, failure, between } = await counted({ kind: "process", isolation: "flush" });
  await result(investigate(target, description, failure, LIMITS));
  const weighed = Math.ceil(10 / LIMITS.runsPerServer);
  expect(between.reduce((sum, n) => sum + n, 0)).toBe(weighed + LIMITS.servers + LIMITS.armRuns);
});

describe("settings of the server", () => {
  /** A server of which a failure needs one setting of three, and that does not start without another. */
  async function withSettings(more: Partial<TargetDescription> = {}) {
    let without: readonly string[] = [];
    const { target, description, failure } = await counted(more, async (trace, { arm }) => {
      const lab = labTarget({ model: "none" });
      await lab.start();
      const history = await lab.execute(trace, { arm });
      return without.includes("--small 4") ? { ...history, header: { ...history.header, engine: WHOLE } } : history;
    });
    const starts: string[] = [];
    const settings: Target = {
      ...target,
      settings: ["--small 4", "--slow", "--must 1"],
      startWithout: async (left) => {
        starts.push(left.join(" "));
        if (left.includes("--must 1")) throw new CrosstalkError("ENGINE_EXITED", "it ended", "Look at its log.");
        without = left;
        return { ...description, startCommand: [`serve without ${left.join(" ")}`] };
      },
    };
    const law: Property = {
      ...broken,
      check: (runs) => (runs.get("main")?.history.header.engine === WHOLE ? pass("it is whole") : broken.check()),
    };
    return { target: settings, description, failure: { ...failure, law }, starts };
  }
  const WHOLE = { name: "lab", version: "1", args: [] };

  test("are left out where it fails without them, and are back when it is done", async () => {
    const { target, description, failure, starts } = await withSettings();
    const finding = await result(investigate(target, description, failure, LIMITS));
    expect(finding.settings).toEqual({ without: ["--slow"], needed: ["--small 4", "--must 1"] });
    expect(finding.target.startCommand).toEqual(["serve without --slow"]);
    expect(finding.confirmation).toMatchObject({ failed: 6, runs: 6 });
    expect(starts).toEqual(["--small 4", "", "--slow", "--slow --must 1", "--slow", ""]);
  });

  test("are not tried where a start takes long, unless that is wanted and there is time", async () => {
    const { target, description, failure, starts } = await withSettings({ startsInMs: 60_000 });
    expect((await result(investigate(target, description, failure, LIMITS))).settings).toBeUndefined();
    const late = { ...LIMITS, slowSettings: true, goOnReducing: () => false };
    expect((await result(investigate(target, { ...description, kind: "process" }, failure, late))).settings).toBe(
      undefined,
    );
    expect(starts).toEqual([]);
    const wanted = { ...LIMITS, slowSettings: true };
    expect((await result(investigate(target, description, failure, wanted))).settings?.without).toEqual(["--slow"]);
  });

  test("are not tried where it does not fail each time", async () => {
    const { target, description, failure, starts } = await withSettings();
    let runs = 0;
    const seldom = { ...failure.law, check: (of: RunSet) => (++runs % 2 ? failure.law.check(of) : pass("this time")) };
    const finding = await result(investigate(target, description, { ...failure, law: seldom }, LIMITS));
    expect([finding.settings, starts]).toEqual([undefined, []]);
  });
});

test("a target that starts slowly is restarted once for its arm", async () => {
  const { target, description, failure, between } = await counted({ isolation: "flush", startsInMs: 40_000 });
  await result(investigate(target, description, failure, LIMITS));
  expect(between.reduce((sum, n) => sum + n, 0)).toBe(LIMITS.servers + 1);
});

test("a target that cannot be restarted was confirmed on no fresh server", async () => {
  const { target, description, failure, between } = await counted({ isolation: "none", arms: ["main", "no-cancels"] });
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(new Set(between)).toEqual(new Set([0]));
  expect(finding.confirmation).toMatchObject({ runs: 6, servers: 0 });
});

test("each run on a lab that varies has a number of its own, and control arms those of the confirmation", async () => {
  const lab = labTarget({ model: "none", jitter: true });
  const description = await lab.start();
  const failure: Failure = { law: broken, run: await runOnce(lab, TRACE, "main"), witness };
  const executions: Execution[] = [];
  const execute = lab.execute.bind(lab);
  lab.execute = (trace, execution) => {
    executions.push(execution);
    return execute(trace, execution);
  };
  const finding = await result(investigate(lab, description, failure, LIMITS));
  const runsOf = (arm: Arm) => executions.filter((e) => e.arm === arm).map((e) => e.run!);
  const main = runsOf("main");
  // Without an equal ending a candidate is asked for more runs than one.
  expect(finding.minimised.claim).not.toMatch(/within 1 run$/);
  expect(main).toEqual(Array.from({ length: finding.minimised.runs + 6 }, (_, i) => i + 1));
  expect(runsOf("no-cancels")).toEqual(main.slice(-6).slice(0, LIMITS.armRuns));
});

/** Two requests, of which only r1 matters: the law is broken wherever it is. */
const pair: Trace = {
  ...TRACE,
  steps: [...TRACE.steps, { at: 1, send: "r2", prompt: [{ seg: "A" }, { read: "narrow", back: 3 }], maxTokens: 2 }],
};
const brokenByR1: Property = {
  ...broken,
  check: (runs): Verdict => {
    const { requests } = runs.get("main")!;
    const witnesses = [...requests.keys()].reverse().map((request) => ({ ...witness, request }));
    return requests.has("r1") ? fail("r1 is here", witnesses) : pass("r1 is not here");
  },
};

/** What the lab answers, less the last token of r1. */
async function cutShort(trace: Trace, execution: Parameters<Target["execute"]>[1]): Promise<History> {
  const { header, events } = await labTarget({ model: "none" }).execute(trace, execution);
  const last = events.findLast((event) => event.e === "tokens" && event.id === "r1");
  return { header, events: events.filter((event) => event !== last) };
}

test("a failure that shows in another way each time is reduced by what its original shows", async () => {
  let runs = 0;
  const { target, description } = await counted({}, (trace, execution) =>
    runs++ === 0 ? cutShort(trace, execution) : labTarget({ model: "none" }).execute(trace, execution),
  );
  const failure: Failure = { law: brokenByR1, run: await runOnce(target, pair, "main"), witness };
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(finding.minimised).toMatchObject({ from: { requests: 2 }, to: { requests: 1 } });
});

test("the same failure is recognised in whichever request it shows", async () => {
  const { target, description } = await counted({}, cutShort);
  const failure: Failure = { law: brokenByR1, run: await runOnce(target, pair, "main"), witness };
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(finding.anomaly).toMatchObject({ request: "r1", class: "lost tail" });
  expect(finding.minimised.to.requests).toBe(1);
});

test.each([0, 1])("of a failure that shows in two ways, the one that tells most is reported (%i)", async (parity) => {
  const beside: Trace = {
    ...TRACE,
    segments: { ...TRACE.segments, B: { seed: 2, family: 42, length: 20 } },
    steps: [{ at: 0, send: "r2", prompt: [{ seg: "B" }, { read: "scan" }], maxTokens: 2 }, ...TRACE.steps],
  };
  const ofB = badToken(2, digitsOf(payloadRun(2, 42, 1)[0]!)[2]);
  const ofNobody = payloadToken([0, 0, 0]);
  let runs = 0;
  /** r1 gets a token that says whose cell it is at first and then in every second run, and one that says nothing in the others. */
  const { target, description } = await counted({}, async (trace, execution) => {
    const { header, events } = await labTarget({ model: "none" }).execute(trace, execution);
    const ids = [runs > 1 && runs % 2 === parity ? ofNobody : ofB];
    runs++;
    return { header, events: events.map((e) => (e.e === "tokens" && e.id === "r1" ? { ...e, ids } : e)) };
  });
  const run = await runOnce(target, beside, "main");
  const verdict = ownCellsOnly.check(new Map([["main", run]]));
  if (verdict.status !== "fail") throw new Error(verdict.reason);
  const failure: Failure = { law: ownCellsOnly, run, witness: verdict.witnesses[0] };
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(finding.anomaly).toMatchObject({ class: "foreign read", request: "r1" });
  expect(finding.history.events.flatMap((e) => (e.e === "tokens" && e.id === "r1" ? e.ids : []))).toContain(ofB);
  expect(finding.confirmation.failed).toBe(6);
});

test("an answer is not cut so short that it fits more than one explanation", async () => {
  const long: Trace = {
    ...TRACE,
    segments: { ...TRACE.segments, B: { seed: 2, family: 42, length: 20 } },
    steps: [
      { at: 0, send: "r1", prompt: [{ seg: "A" }, { read: "narrow", back: 20 }], maxTokens: 15 },
      { at: 0, send: "r2", prompt: [{ seg: "B" }, { read: "narrow", back: 20 }], maxTokens: 15 },
    ],
  };
  /** r1 gets what r2 asked for. */
  const { target, description } = await counted({}, async (trace, execution) => {
    const { header, events } = await labTarget({ model: "none" }).execute(trace, execution);
    const others = resolveRequests(trace).get("r2");
    if (others === undefined) return { header, events };
    const tokens = [...expectedTokens(others)];
    const swapped = (ids: readonly number[]) => ids.map((id) => tokens.shift() ?? id);
    return {
      header,
      events: events.map((e) => (e.e === "tokens" && e.id === "r1" ? { ...e, ids: swapped(e.ids) } : e)),
    };
  });
  const run = await runOnce(target, long, "main");
  const verdict = ownCellsOnly.check(new Map([["main", run]]));
  if (verdict.status !== "fail") throw new Error(verdict.reason);
  const failure: Failure = { law: ownCellsOnly, run, witness: verdict.witnesses[0] };
  const finding = await result(investigate(target, description, failure, LIMITS));
  expect(finding.anomaly.or).toEqual([]);
  const answers = finding.trace.steps.flatMap((step) => ("send" in step ? [step.maxTokens] : []));
  expect(Math.max(...answers)).toBeGreaterThan(1);
  expect(Math.max(...answers)).toBeLessThan(15);
});

test("a trace that ends the server is reduced, each time on a server started again", async () => {
  const { target, description, between } = await counted({}, async (trace, execution) => {
    const history = await labTarget({ model: "none" }).execute(trace, execution);
    if (!trace.steps.some((s) => "send" in s && "read" in s.prompt.at(-1)! && s.maxTokens === 2)) return history;
    const recorded = history.events.filter((event) => event.e !== "end");
    throw new EngineLostError({ header: history.header, events: recorded }, "with exit code 1", "it wrote nothing");
  });
  // Each start is a log of its own: that of the server that ended is wanted, and not that of the next one.
  let starts = 1;
  const logging: Target = {
    ...target,
    restart: () => target.restart().then(() => void starts++),
    log: () => [`start ${starts}`],
  };
  const run = await runOnce(logging, pair, "main");
  expect(run.log).toEqual(["start 1"]);
  expect(starts).toBe(2);
  const verdict = staysUp.check(new Map([["main", run]]));
  if (verdict.status !== "fail") throw new Error(verdict.reason);
  const failure: Failure = { law: staysUp, run, witness: verdict.witnesses[0] };
  const finding = await result(investigate(logging, description, failure, LIMITS));
  expect(finding).toMatchObject({ anomaly: { class: "lost server" }, confirmation: { failed: 6, runs: 6 } });
  expect(finding.log).toEqual([expect.stringMatching(/^start \d+$/)]);
  expect(finding.minimised.to.requests).toBe(1);
  expect(between.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(6);
});

test("a lost server that cannot be restarted is the error, not the restart", async () => {
  const lost = async () => {
    throw new CrosstalkError("ENGINE_LOST", "gone", "Start it again.");
  };
  const { target, description, failure } = await counted({ isolation: "none", arms: ["main"] }, lost);
  await expect(result(investigate(target, description, failure, LIMITS))).rejects.toMatchObject({
    code: "ENGINE_LOST",
  });
});
