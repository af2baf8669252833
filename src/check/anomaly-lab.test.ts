import { describe, expect, test } from "vitest";
import { allProperties } from "../../properties/index.ts";
import { LAB_FAULTS } from "../lab/faults/index.ts";
import { DEEP } from "../testing/depth.ts";
import { explainWitness } from "./explain.ts";
import type { Anomaly, Reading } from "./finding.ts";
import { judgeRun } from "./property.ts";
import { labScenario, labTrace, type WatchedRun, watchedRun } from "./testing/lab-truth.ts";

/** Traces of each fault, its topologies by turns. */
const SEEDS = DEEP ? 25 : 10;
/** A rare fault gets so many until it has shown. */
const MOST_SEEDS = 200;
const REQUESTS = 20;
/** Of which the first are named ones, for faults that need a pool as full as these make it. */
const FULL_POOL = ["preemption", "resume-in-full-pool"] as const;

/** Classes that need no wrong token. */
const WITHOUT_TOKEN: readonly Anomaly["class"][] = ["phantom hit", "unsettled request", "repeated tail"];

/** Every anomaly of a run, with the index that it stands at. */
function anomalies({ run, blockSize }: WatchedRun): Anomaly[] {
  const found = new Map<string, Anomaly>();
  for (const law of allProperties) {
    if (!law.appliesTo(run.trace)) continue;
    const verdict = judgeRun(law, run);
    if (verdict.status !== "fail") continue;
    for (const witness of verdict.witnesses) {
      const anomaly = explainWitness(run, witness, blockSize);
      // Twins whose difference is another's wrong token have nothing to name.
      if (anomaly.index !== null || WITHOUT_TOKEN.includes(anomaly.class))
        found.set(`${anomaly.request} ${anomaly.choice} ${anomaly.class} ${anomaly.index}`, anomaly);
    }
  }
  return [...found.values()];
}

const readings = (anomaly: Anomaly): Reading[] => [anomaly, ...anomaly.or];
const ownersOf = (list: readonly Reading[]) => new Set(list.flatMap((r) => r.origins.map((o) => o.request)));

/** Why the anomaly names what was not; null if it is right, as far as it is sure of itself. */
function wrong(anomaly: Anomaly, { run, truth }: WatchedRun): string | null {
  const all = readings(anomaly);
  const named = ownersOf(all);
  const { request, index } = anomaly;
  if (named.size === 0 || index === null) return null;
  const ownersAs = (kind: Anomaly["class"]): Set<string> =>
    kind === "row swap"
      ? truth.streams(request)
      : kind === "leaked parameter"
        ? truth.samplers(request)
        : truth.owners(request, index);
  const real = new Set(all.flatMap((r) => [...ownersAs(r.class)]));
  const say = (what: string) =>
    `${run.trace.name}: ${request} ${what}; named ${[...named]}, really ${[...real]}: ${anomaly.explanation}`;
  // A fit by chance is said to be one: then it need not hold.
  if (all.some((r) => r.class === "unexplained")) return null;
  if (![...named].some((owner) => real.has(owner))) return say("names no true owner");
  // Of foreign and stale, one that is stated was so for a true owner; torn and shifted cells have no such time.
  const timed = all.filter((r) => r.class === "foreign read" || r.class === "stale read");
  const holds = timed.some((r) =>
    r.origins.some((o) => real.has(o.request) && truth.lifetimes(anomaly, index, o.request).has(r.class)),
  );
  return timed.length < all.length || holds ? null : say("is at a time at which none of its owners was read");
}

/** Wrong tokens are fed on from row to row: whose they were at first, no history tells. docs/anomalies.md says so. */
const CHAINS = ["tokens-by-schedule"];
/** A rejected draft is in no history either: its cell looks like one of whoever has its digits. */
const REJECTED_DRAFTS = ["rejected-count-row-left", "rewound-block-in-table"];

describe.each(LAB_FAULTS.filter(({ name }) => ![...CHAINS, ...REJECTED_DRAFTS].includes(name)))(
  `over ${SEEDS} traces with $name`,
  (fault) => {
    const { topologies, adapters } = fault;
    test("no owner is named that is not the true one, and no class that the fault cannot cause", async () => {
      const counts = { certain: 0, ambiguous: 0, unexplained: 0 };
      const mistakes: string[] = [];
      const showed = () => counts.certain + counts.ambiguous > 0;
      for (let seed = 0; seed < SEEDS || (!showed() && seed < MOST_SEEDS); seed++) {
        const topology = topologies[seed % topologies.length]!;
        const lab = { topology, fault, adapters: adapters !== undefined };
        const named = FULL_POOL[seed];
        const trace = named ? await labScenario(named, REQUESTS, lab) : await labTrace(seed, REQUESTS, lab);
        const watched = await watchedRun(trace, { fault, topology });
        for (const anomaly of anomalies(watched)) {
          const all = readings(anomaly);
          const unexplained = all.some((r) => r.class === "unexplained");
          const certain = all.length === 1 && ownersOf(all).size <= 1;
          counts[anomaly.class === "unexplained" ? "unexplained" : certain ? "certain" : "ambiguous"]++;
          const mistake = wrong(anomaly, watched);
          if (mistake !== null) mistakes.push(mistake);
          if (!unexplained && !all.some((r) => fault.shows.includes(r.class)))
            mistakes.push(`${watched.run.trace.name}: ${anomaly.explanation}`);
        }
      }
      expect(mistakes).toEqual([]);
      expect(showed(), "the fault showed").toBe(true);
    });
  },
);
