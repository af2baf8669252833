import { describe, expect, test } from "vitest";
import { type HandMadeRequest, handMade } from "../../properties/hand-made.ts";
import { shown } from "../trace/write-out.ts";
import type { AdapterName } from "../tracer/adapter.ts";
import { badToken, digitsOf, errToken, payloadRun } from "../tracer/vocabulary.ts";
import { explainWitness } from "./explain.ts";

const A = [...payloadRun(1, 0, 48)];
const B = [...payloadRun(2, 1, 16)];
/** A[16] to A[23] as an adapter stores them. */
const under = (adapter: AdapterName | null) => A.slice(16, 24).map((token) => shown(token, adapter));

/** Asks for A[16] to A[23]. */
const narrow: HandMadeRequest = {
  id: "victim",
  sentAt: 50,
  settledAt: 200,
  prompt: [{ seg: "A" }, { seg: "C" }, { read: "narrow", back: 48 }],
  maxTokens: 8,
};
const scan: HandMadeRequest = { ...narrow, prompt: [{ seg: "A" }, { read: "scan" }], maxTokens: 2 };
/** Holds the same cells under another adapter. */
const owner: HandMadeRequest = {
  id: "owner",
  sentAt: 0,
  settledAt: 300,
  options: { adapter: "a2" },
  prompt: [{ seg: "A" }, { seg: "B" }, { read: "scan" }],
  maxTokens: 4,
};

function explained(victim: HandMadeRequest, answer: readonly number[], ...others: readonly HandMadeRequest[]) {
  const run = handMade([...others, { ...victim, answer: () => answer }]);
  const anomaly = explainWitness(run, { request: "victim", index: 0, expected: "", observed: "" }, 16);
  return { classes: [anomaly.class, ...anomaly.or.map((r) => r.class)], anomaly };
}

describe("own cells that another adapter computed", () => {
  test("are named with the adapter and the request that has them under it", () => {
    const { classes, anomaly } = explained(narrow, under("a2"), owner);
    expect(classes).toEqual(["adapter mix-up"]);
    expect(anomaly.origins).toEqual([{ request: "owner", position: 16, place: "A[16]", adapter: "a2" }]);
    expect(anomaly.explanation).toContain(
      "victim read its own cell at position 16 (block 1) as adapter a2 (of owner) computed it, for 8 tokens in a row.",
    );
  });

  test("may be the base's, with nobody who has them", () => {
    const { classes, anomaly } = explained({ ...narrow, options: { adapter: "a1" } }, under(null));
    expect(classes).toEqual(["adapter mix-up"]);
    expect(anomaly.explanation).toContain("as the base model computed it");
  });

  test("may be of an adapter whose requests have other prompts", () => {
    const { classes, anomaly } = explained(narrow, under("a3"), {
      ...owner,
      options: { adapter: "a3" },
      prompt: [{ seg: "B" }, { read: "scan" }],
    });
    expect(classes).toEqual(["adapter mix-up"]);
    expect(anomaly.origins.map((o) => o.request)).toEqual(["victim"]);
  });

  test("are told from another row's answer where both fit", () => {
    const { classes } = explained(narrow, under("a2"), owner, { ...narrow, id: "twin", options: { adapter: "a2" } });
    expect(classes).toEqual(["adapter mix-up", "row swap"]);
  });

  test("show in a scan by their groups", () => {
    const token = A.find((t) => digitsOf(shown(t, "a2"))[0] !== 1)!;
    const { classes, anomaly } = explained(scan, [badToken(0, digitsOf(shown(token, "a2"))[0])], {
      ...owner,
      prompt: [{ seg: "A" }, { read: "scan" }],
    });
    expect(classes).toEqual(["adapter mix-up"]);
    expect(anomaly.explanation).toContain("victim read its own cells as adapter a2 (of owner) computed them");
  });

  test("may be what an alarm is about", () => {
    const marked = { ...narrow, prompt: [{ nonce: 1 }, ...narrow.prompt] };
    expect(explained(marked, [errToken(2)], owner).classes).toContain("adapter mix-up");
    expect(explained(marked, [errToken(2)], { ...owner, options: { adapter: "a1" } }).anomaly.explanation).toContain(
      "was computed under another adapter",
    );
  });
});

describe("near misses", () => {
  test("a cell of an answer, past the end of both prompts, is foreign", () => {
    const answering: HandMadeRequest = {
      ...owner,
      settledAt: 100,
      prompt: [{ seg: "A" }, { seg: "B" }, { read: "narrow", back: 16 }],
      maxTokens: 8,
    };
    // What a2 stores of its own answer is in no prompt's cells: the move twice.
    const digit = digitsOf(shown(shown(B[0]!, "a2"), "a2"))[2];
    const { classes, anomaly } = explained(scan, [badToken(2, digit)], answering);
    expect(classes).toEqual(["foreign read", "stale read"]);
    expect(anomaly.origins.map((o) => o.place)).toEqual(["answer[0]"]);
  });

  const base = Object.fromEntries(Object.entries(owner).filter(([key]) => key !== "options")) as typeof owner;

  test("an adapter that no request of the run has is not thought of", () => {
    expect(explained(narrow, under("a2"), base).classes).toContain("unexplained");
    expect(explained({ ...narrow, prompt: [{ nonce: 1 }, ...narrow.prompt] }, [errToken(2)], base).classes).toEqual([
      "foreign read",
      "unwritten read",
    ]);
  });

  test("other tokens under another adapter are foreign, and shown as that adapter stores them", () => {
    const foreign = { ...owner, prompt: [{ seg: "C" as const }, { seg: "B" as const }, { read: "scan" as const }] };
    const { classes, anomaly } = explained(
      narrow,
      B.slice(0, 8).map((token) => shown(token, "a2")),
      foreign,
    );
    expect(classes).toEqual(["foreign read"]);
    expect(anomaly.origins).toEqual([{ request: "owner", position: 16, place: "B[0]" }]);
  });

  test("one token of another adapter proves little", () => {
    const { classes } = explained(narrow, [under("a2")[0]!, ...A.slice(17, 24)], owner);
    expect(classes).toContain("unexplained");
  });
});
