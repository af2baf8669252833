import { describe, expect, test } from "vitest";
import { type HandMadeRequest, handMade } from "../../properties/hand-made.ts";
import { ownCellsOnly } from "../../properties/index.ts";
import { resolveRequests } from "../trace/prompt.ts";
import { validateTrace } from "../trace/read.ts";
import { isSend } from "../trace/schema.ts";
import { badToken, digitsOf, errToken, payloadRun, TURNS } from "../tracer/vocabulary.ts";
import { explainWitness } from "./explain.ts";
import { locatingTraces, narrowReadsAreRight, notLocated, withLocation } from "./locate.ts";
import { judgeRun, type Run } from "./property.ts";
import { labTrace, watchedRun } from "./testing/lab-truth.ts";

const B = payloadRun(2, 1, 16);
const bad = badToken(2, digitsOf(B[0]!)[2]);
const owner: HandMadeRequest = {
  id: "owner",
  sentAt: 0,
  settledAt: 300,
  prompt: [{ seg: "B" }, { read: "scan" }],
  maxTokens: 2,
};
const victim: HandMadeRequest = {
  id: "victim",
  sentAt: 50,
  settledAt: 200,
  prompt: [{ seg: "A" }, { seg: "C" }, { read: "scan" }],
  maxTokens: 2,
  answer: () => [bad, bad],
};
const later: HandMadeRequest = { ...owner, id: "later", sentAt: 250 };
const witness = { request: "victim", index: 0, expected: "", observed: "" };
const limits = { blockSize: 16, contextTokens: 256 };
const run = handMade([owner, victim, later]);

describe("the traces that locate a scan's finding", () => {
  const [behind, ...inPlace] = locatingTraces(run, witness, { ...limits, contextTokens: 64 + 3 + 32 });

  test("are traces", () => {
    for (const trace of [behind!, ...inPlace]) expect(() => validateTrace(trace)).not.toThrow();
  });

  test("ask for answers, where the scan was embedded", () => {
    const embedded = handMade([owner, { ...victim, maxTokens: 1, answer: () => [bad], options: { embed: true } }]);
    const traces = locatingTraces(embedded, witness, limits);
    expect(traces.length).toBeGreaterThan(1);
    for (const trace of traces) expect(() => validateTrace(trace)).not.toThrow();
  });

  test("read every cell behind the scan, one stretch after the other, each ending at a block's edge", () => {
    const reads = behind!.steps.filter(isSend).filter((s) => s.send.startsWith("locate"));
    expect(reads.map((s) => [s.prompt, s.maxTokens])).toEqual([
      [
        [
          { seg: "A", from: 0, to: 32 },
          { read: "narrow", back: 32 },
        ],
        32,
      ],
      [[{ seg: "A" }, { seg: "C" }, { read: "narrow", back: 32 }], 32],
    ]);
  });

  test("send nothing that came after the scan had ended, and wait for it", () => {
    expect(behind!.steps.map((s) => ("send" in s ? s.send : "wait" in s ? `wait ${s.wait}` : ""))).toEqual([
      "owner",
      "victim",
      "wait victim",
      "locate0",
      "wait locate0",
      "locate1",
      "wait locate1",
    ]);
  });

  test("read the same cells in the scan's place, at its own time", () => {
    const victims = inPlace.map((trace) => trace.steps.filter(isSend).find((s) => s.send === "victim")!);
    expect(victims.map((s) => [s.at, s.prompt.at(-1), s.maxTokens])).toEqual([
      [50, { read: "narrow", back: 64 }, 32],
      [50, { read: "narrow", back: 32 }, 32],
    ]);
  });

  test("are traces and read every cell where the prompt has marks, turns and answers, none of which is cut apart", () => {
    const talk: HandMadeRequest = {
      ...victim,
      prompt: [
        { nonce: 5 },
        { seg: "A", from: 0, to: 46 },
        { read: "narrow", back: 4 },
        { answer: 2 },
        { branch: 3 },
        { seg: "C" },
        { read: "scan" },
      ],
    };
    // Four blocks; the third ends within the narrow read, and the fourth behind the branch.
    const payload = 1 + 46 + 3 + 2 + 1 + 16;
    const talkRun = handMade([owner, talk]);
    const traces = locatingTraces(talkRun, witness, { ...limits, contextTokens: payload + 3 + 16 });
    for (const trace of traces) expect(() => validateTrace(trace)).not.toThrow();
    const reads = [...resolveRequests(traces[0]!).values()].filter(({ id }) => id.startsWith("locate"));
    expect(reads.map((r) => [r.asked, r.maxTokens])).toEqual([
      [0, 16],
      [16, 16],
      [32, 16],
      [48, 16],
      [64, 5],
    ]);
    for (const { prompt, asked, maxTokens } of reads)
      expect([...prompt.slice(0, asked! + maxTokens)]).toEqual([
        ...talkRun.requests.get("victim")!.prompt.slice(0, asked! + maxTokens),
      ]);
    expect(traces.slice(1).map((t) => resolveRequests(t).get("victim")!.asked)).toEqual([0, 16, 32, 48, 64]);
  });

  test("are none where the prompt has had all its turns", () => {
    const turns = Array.from({ length: TURNS }, () => ({ read: "narrow", back: 1 }) as const);
    const talk = (count: number): HandMadeRequest => ({
      ...victim,
      prompt: [{ seg: "A" }, ...turns.slice(0, count), { read: "scan" }],
    });
    expect(locatingTraces(handMade([owner, talk(TURNS)]), witness, limits)).toEqual([]);
    const [first] = locatingTraces(handMade([owner, talk(TURNS - 1)]), witness, limits);
    expect(() => validateTrace(first)).not.toThrow();
  });

  test("are none for a narrow read, which names its cell itself, for another row's token, and without room", () => {
    const narrow = { ...victim, prompt: [{ seg: "A" }, { read: "narrow", back: 48 }] as const };
    expect(locatingTraces(handMade([owner, narrow]), witness, limits)).toEqual([]);
    const swapped = { ...victim, answer: () => [B[0]!, B[1]!] };
    expect(locatingTraces(handMade([owner, swapped]), witness, limits)).toEqual([]);
    expect(locatingTraces(run, witness, { ...limits, contextTokens: 64 + 3 })).toEqual([]);
  });
});

describe("a located finding", () => {
  const scan = explainWitness(run, witness, 16);
  const narrow: HandMadeRequest = { ...victim, prompt: [{ seg: "A" }, { seg: "C" }, { read: "narrow", back: 64 }] };
  const found = (answer: readonly number[]) => {
    const located = handMade([owner, later, { ...narrow, maxTokens: 8, answer: () => answer }]);
    return explainWitness(located, witness, 16);
  };

  test("says the scan's digit and the cell", () => {
    const anomaly = withLocation(scan, found([...B.slice(0, 8)]), 16);
    expect(anomaly.class).toBe("foreign read");
    expect(anomaly.origins).toEqual([{ request: "owner", position: 0, place: "B[0]" }]);
    expect(anomaly.explanation).toContain("Digit 3");
    expect(anomaly.explanation).toContain("Located at position 0 (block 0)");
    expect(anomaly.explanation).toContain("which is B[0] of owner");
  });

  test("does not take a fit by chance for the owner", () => {
    const anomaly = withLocation(scan, found([B[0]!, ...payloadRun(1, 0, 48).slice(1, 8)]), 16);
    expect(anomaly.explanation).toContain("which does not say whose cell it is");
    expect(anomaly.origins).toEqual(scan.origins);
  });

  test("is not located by an alarm, which may be about any cell", () => {
    const prompt = [{ nonce: 5 }, { seg: "A" }, { read: "narrow", back: 4 }] as const;
    const answered = (token: number): Run =>
      handMade([owner, { ...victim, prompt, maxTokens: 2, answer: () => [token, token] }]);
    const located = (token: number) => judgeRun(narrowReadsAreRight, answered(token)).status;
    expect(located(errToken(2))).toBe("pass");
    expect(located(B[0]!)).toBe("fail");
  });

  test("that no narrow read finds says so", () => {
    expect(notLocated(scan, 3).explanation).toContain("(3 runs) found no wrong cell any more");
  });
});

test.each(["partial-block-published", "hicache-read-before-ready", "row-swap-on-removal"])(
  "the lab's %s is located, and only where the lab really read other cells",
  async (fault) => {
    let located = 0;
    for (let seed = 0; seed < 60 && located < 3; seed++) {
      const failed = await watchedRun(await labTrace(seed, 20, {}), { fault });
      const verdict = judgeRun(ownCellsOnly, failed.run);
      if (verdict.status !== "fail") continue;
      for (const trace of locatingTraces(failed.run, verdict.witnesses[0], failed)) {
        const again = await watchedRun(trace, { fault });
        const hit = judgeRun(narrowReadsAreRight, again.run);
        if (hit.status !== "fail") continue;
        const { request, index } = hit.witnesses[0];
        const owners = again.truth.owners(request, index!);
        expect([...owners].some((o) => o !== request) || again.truth.unwritten(request, index!)).toBe(true);
        located++;
        break;
      }
    }
    expect(located).toBeGreaterThan(0);
  },
);

test("a clean lab has nothing to locate", async () => {
  const { run: clean } = await watchedRun(await labTrace(1, 20, {}), {});
  expect(judgeRun(narrowReadsAreRight, clean).status).toBe("pass");
});
