import { expect, test } from "vitest";
import type { LabParts } from "./faults/fault.ts";
import { instead, LAB_FAULTS, type LabFault } from "./faults/index.ts";
import { countersOf, mistakes, runOnLab } from "./testing/lab-run.ts";
import { randomTrace } from "./testing/random-trace.ts";

const traffic = (seed: number) => randomTrace(seed, { requests: 10, gapMs: 2, segment: 120, maxTokens: 60 });

test.each(["single", "pd"] as const)("drafts change no answer in topology %s, and save steps", async (topology) => {
  for (let seed = 0; seed < 6; seed++) {
    const plain = await runOnLab(traffic(seed), { topology });
    const drafted = await runOnLab(traffic(seed), { topology, draftTokens: 4, checked: true });
    for (const [id, { status, tokens }] of plain.outcomes) {
      if (status !== "finished" || drafted.outcomes.get(id)!.status !== "finished") continue;
      expect(drafted.outcomes.get(id)!.tokens, `${id} of seed ${seed}`).toEqual(tokens);
    }
  }
  const alone = randomTrace(3, { requests: 1, cancels: 0, maxTokens: 60 });
  const ends = async (draftTokens: number) =>
    (await runOnLab(alone, { topology, draftTokens })).history.events.find(({ e }) => e === "finished")!.t;
  expect(await ends(4)).toBeLessThan(await ends(0));
});

test("a history counts drafts as vLLM does, and only where there are any", async () => {
  const { drafts, draftTokens, acceptedTokens } = countersOf((await runOnLab(traffic(0), { draftTokens: 4 })).history);
  expect(draftTokens).toBe(4 * drafts!);
  // One guess in five is wrong, and what follows a wrong one is rejected with it.
  expect(acceptedTokens! / draftTokens!).toBeGreaterThan(0.4);
  expect(acceptedTokens! / draftTokens!).toBeLessThan(0.8);
  expect(countersOf((await runOnLab(traffic(0))).history)).not.toHaveProperty("drafts");
});

test("a drafter that reads cells it has not computed guesses worse, and no answer is wrong for it", async () => {
  const options = { draftTokens: 4, topology: "single" } as const;
  const blind = {
    ...LAB_FAULTS[0]!,
    plant: ({ workers }: LabParts) => {
      instead(workers[0]!.drafter!, "propose", (propose) => (sequence, slots, count) => {
        sequence.drafted = Math.max(sequence.drafted, sequence.tokens.length - 1);
        return propose(sequence, slots, count);
      });
    },
  };
  const acceptanceRate = async (fault: LabFault | null) => {
    const run = await runOnLab(traffic(1), { ...options, fault });
    expect(mistakes(run)).toEqual([]);
    const { draftTokens, acceptedTokens } = countersOf(run.history);
    return acceptedTokens! / draftTokens!;
  };
  expect(await acceptanceRate(blind)).toBeLessThan((await acceptanceRate(null)) / 2);
});
