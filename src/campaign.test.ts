import { expect, test } from "vitest";
import { allProperties, ownCellsOnly } from "../properties/index.ts";
import { type CampaignEvent, type CampaignResult, campaign } from "./campaign.ts";
import type { Property } from "./check/property.ts";
import { signatureOf } from "./check/signature.ts";
import { campaignTraces } from "./generate/campaign-traces.ts";
import { generateTrace } from "./generate/generate.ts";
import { limitsOf } from "./generate/limits.ts";
import type { History, HistoryEvent } from "./history/schema.ts";
import { DEFAULT_INVESTIGATION } from "./investigate.ts";
import { labTarget } from "./lab/target.ts";
import type { Target } from "./target/target.ts";

/** A clean lab whose first history is changed, as by something that happens once and never again. */
function once(change: (event: HistoryEvent) => HistoryEvent): Target {
  const lab = labTarget({ model: "none" });
  let first = true;
  return {
    start: () => lab.start(),
    flush: () => lab.flush(),
    restart: () => lab.restart(),
    stop: () => lab.stop(),
    execute: async (trace, execution): Promise<History> => {
      const history = await lab.execute(trace, execution);
      if (!first) return history;
      first = false;
      return { header: history.header, events: history.events.map(change) };
    },
  };
}

interface Options {
  readonly findings?: number;
  readonly known?: ReadonlySet<string>;
  readonly laws?: readonly Property[];
  /** Of a campaign, its scenarios first; without it two generated ones. */
  readonly traces?: number | null;
}

async function run(
  target: Target,
  { findings = 1, known = new Set(), laws = allProperties, traces = null }: Options = {},
): Promise<{ types: Set<CampaignEvent["type"]>; events: CampaignEvent[]; result: CampaignResult }> {
  const description = await target.start();
  const events = campaign({
    target,
    description,
    laws,
    traces:
      traces === null
        ? [1, 2].map((seed) => generateTrace(seed, limitsOf(description)))
        : campaignTraces({ seed: 1, traces, context: 1024 }, description),
    goOn: () => true,
    investigation: DEFAULT_INVESTIGATION,
    findings,
    known,
  });
  const seen: CampaignEvent[] = [];
  let step = await events.next();
  for (; !step.done; step = await events.next()) seen.push(step.value);
  return { types: new Set(seen.map((event) => event.type)), events: seen, result: step.value };
}

test("a clean target passes every law", async () => {
  const { types, result } = await run(once((event) => event));
  expect(types).toEqual(new Set(["ran"]));
  expect(result).toMatchObject({ status: "pass", traces: 2, findings: [] });
});

test("a request that fails once and never again is no finding, and no pass of its law either", async () => {
  let failed = false;
  const { types, result } = await run(
    once((event) => {
      if (failed || event.e !== "finished") return event;
      failed = true;
      return { t: event.t, e: "failed", id: event.id, code: "CONNECTION", message: "reset" };
    }),
  );
  expect(types).toContain("unconfirmed");
  expect(result.findings).toEqual([]);
  expect(result.laws.find(({ law }) => law.id === "settles")).toMatchObject({ status: "inconclusive", failed: 0 });
  expect(result.status).toBe("inconclusive");
});

test("a wrong token is proof, however seldom it comes: the finding says that it was not seen again", async () => {
  let wrong = false;
  const { result } = await run(
    once((event) => {
      if (wrong || event.e !== "tokens") return event;
      wrong = true;
      return { ...event, ids: event.ids.map(() => 0) };
    }),
  );
  expect(result.status).toBe("fail");
  expect(result.findings[0]!.confirmation).toMatchObject({ failed: 0, runs: 10 });
});

const faulty = () => labTarget({ model: "none", fault: "row-swap-on-removal" });
const laws = [ownCellsOnly];
const traces = 6;

test("a known failure fails nothing, is reduced seldom, and the campaign goes on", async () => {
  const before = await run(faulty(), { laws, traces });
  expect(before.result).toMatchObject({ status: "fail" });
  expect(before.result.traces).toBeLessThan(traces);
  const known = new Set(before.result.findings.map(signatureOf));

  const { events, result } = await run(faulty(), { laws, traces, known });
  expect(result).toMatchObject({ status: "known", traces });
  expect(new Set(result.findings.map(signatureOf))).toEqual(known);
  const failures = events.filter((event) => event.type === "failure").length;
  expect(failures).toBeGreaterThan(2);
  expect(result.laws).toMatchObject([{ status: "known", failed: 0, known: failures }]);
  expect(events.findLast((event) => event.type === "recurred")).toMatchObject({ times: failures });
  // The first, second, fourth, eighth.
  const reductions = new Set(events.map((event, i) => (event.type === "confirming" && event.runs === 1 ? i : null)));
  expect(reductions.size - 1).toBe(1 + Math.floor(Math.log2(failures)));
});

test("what no baseline names fails, though another failure is known", async () => {
  const known = new Set(["lab/settles/unsettled-request/plain"]);
  const { result } = await run(faulty(), { laws, traces, known });
  expect(result).toMatchObject({ status: "fail" });
  expect(result.findings).toHaveLength(1);
});
