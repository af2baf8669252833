import { expect, test } from "vitest";
import { allProperties } from "../properties/index.ts";
import { type CampaignEvent, type CampaignResult, campaign } from "./campaign.ts";
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

async function run(target: Target): Promise<{ types: Set<CampaignEvent["type"]>; result: CampaignResult }> {
  const description = await target.start();
  const events = campaign({
    target,
    description,
    laws: allProperties,
    traces: [1, 2].map((seed) => generateTrace(seed, limitsOf(description))),
    goOn: () => true,
    investigation: DEFAULT_INVESTIGATION,
    findings: 1,
  });
  const types = new Set<CampaignEvent["type"]>();
  let step = await events.next();
  for (; !step.done; step = await events.next()) types.add(step.value.type);
  return { types, result: step.value };
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
