import { describe, expect, test } from "vitest";
import { type HandMadeRequest, handMade } from "../../properties/hand-made.ts";
import { badToken, digitsOf, errToken, payloadRun, payloadToken, scanToken } from "../tracer/vocabulary.ts";
import { explainWitness } from "./explain.ts";

const A = payloadRun(1, 0, 48);
const B = payloadRun(2, 1, 16);

/** r1 fills its cells with B then A; r2 reads its own A then B narrowly. Position p of r1 is A[p - 16] from 16 on. */
const owner: HandMadeRequest = {
  id: "r1",
  sentAt: 0,
  settledAt: 100,
  prompt: [{ seg: "B" }, { seg: "A" }, { read: "scan" }],
  maxTokens: 4,
};
const victim: HandMadeRequest = {
  id: "r2",
  sentAt: 50,
  settledAt: 200,
  prompt: [{ seg: "A" }, { seg: "B" }, { read: "narrow", back: 48 }],
  maxTokens: 4,
};

/** What the anomaly is when r2, which asks for positions 16 to 19 of its prompt (A[16] on), answers this. */
function explained(answer: readonly number[], others: readonly HandMadeRequest[], more: Partial<HandMadeRequest> = {}) {
  const run = handMade([...others, { ...victim, ...more, answer: () => answer }]);
  return explainWitness(run, { request: "r2", index: 0, expected: "", observed: "" }, 16);
}

/** Cells 16 .. 19 of r1: A[0] to A[3]. */
const theirs = [...A.slice(0, 4)];
const right = [...A.slice(16, 20)];

test("a wrong choice is named, and told by its own tokens", () => {
  const answers = { answer: () => right, options: { n: 2 }, others: [() => theirs] };
  const run = handMade([
    { ...owner, prompt: [{ seg: "C" }, { seg: "A" }, { read: "scan" }] },
    { ...victim, ...answers },
  ]);
  const anomaly = explainWitness(run, { request: "r2", choice: 1, index: 0, expected: "", observed: "" }, 16);
  expect(anomaly).toMatchObject({
    class: "foreign read",
    request: "r2",
    choice: 1,
    origins: [{ request: "r1", position: 16, place: "A[0]" }],
  });
  expect(anomaly.explanation).toMatch(/^choice 1 of r2 asked for its own cell/);
});

test("tokens that a request of the same id had not been sent yet are told from cells, also when it has long ended", () => {
  const named = { options: { requestId: "id1" } };
  const before = { ...owner, ...named, ends: "cancelled" as const, settledAt: 5, answer: () => [] };
  const run = handMade([
    { ...before, prompt: [{ seg: "C" }, { seg: "A" }, { read: "narrow", back: 8 }] },
    { ...victim, ...named, sentAt: 50, settledAt: 60, answer: (own) => [...A.slice(41, 42), ...own] },
  ]);
  const anomaly = explainWitness(run, { request: "r2", index: 0, expected: "", observed: "" }, 16);
  expect(anomaly).toMatchObject({ class: "row swap", or: [], origins: [{ request: "r1", place: "answer[1]" }] });
  expect(anomaly.explanation).toContain("which its client called id1, too");
});

describe("a wrong narrow answer", () => {
  test("of a request that runs is a foreign read, with owner, place and block", () => {
    const anomaly = explained(theirs, [{ ...owner, prompt: [{ seg: "C" }, { seg: "A" }, { read: "scan" }] }]);
    expect(anomaly).toMatchObject({
      class: "foreign read",
      position: 16,
      origins: [{ request: "r1", position: 16, place: "A[0]" }],
    });
    expect(anomaly.explanation).toContain("position 16 (block 1)");
    expect(anomaly.explanation).toContain("A[0] of r1");
  });

  test("of a request that ended by itself before is a stale read", () => {
    expect(explained(theirs, [{ ...owner, settledAt: 40 }]).class).toBe("stale read");
  });

  test("of a request that was cancelled before may still be written: a foreign read that says so", () => {
    const anomaly = explained(theirs, [{ ...owner, settledAt: 40, ends: "cancelled", answer: () => [] }]);
    expect(anomaly.class).toBe("foreign read");
    expect(anomaly.explanation).toContain("r1 had been cancelled 10.0 ms before r2 was sent");
  });

  test("of its own cells elsewhere is a shifted read", () => {
    const anomaly = explained([...A.slice(20, 24)], []);
    expect(anomaly).toMatchObject({
      class: "shifted read",
      origins: [{ request: "r2", position: 20, place: "A[20]" }],
    });
  });

  test("of cells that its own prompt and another's both hold names both", () => {
    const both: HandMadeRequest = { ...owner, prompt: [{ seg: "A", from: 20 }, { read: "scan" }] };
    const anomaly = explained([...A.slice(20, 24)], [both]);
    expect([anomaly, ...anomaly.or].map((r) => r.class)).toEqual([
      "foreign read",
      "stale read",
      "torn read",
      "shifted read",
    ]);
    const origins = [anomaly, ...anomaly.or].flatMap((r) => r.origins).map((o) => `${o.request} ${o.place}`);
    expect(new Set(origins)).toEqual(new Set(["r1 A[20]", "r2 A[20]"]));
    expect(anomaly.explanation).toContain("To tell these apart: ");
  });

  test("with digits of two owners is a torn read", () => {
    const mixed = right.map((token, i) =>
      payloadToken([digitsOf(theirs[i]!)[0], digitsOf(token)[1], digitsOf(token)[2]]),
    );
    const first = mixed.findIndex((token, i) => token !== right[i] && token !== theirs[i]);
    const answer = right.with(first, mixed[first]!);
    const run = handMade([owner, { ...victim, answer: () => answer }]);
    const anomaly = explainWitness(run, { request: "r2", index: first, expected: "", observed: "" }, 16);
    expect(anomaly).toMatchObject({ class: "torn read", origins: [{ request: "r1", position: 16 + first }] });
  });

  test("with zero digits is an unwritten read", () => {
    const own = digitsOf(right[0]!);
    expect(explained([payloadToken([own[0], 0, own[2]]), ...right.slice(1)], [owner]).class).toBe("unwritten read");
  });

  test("with zero digits where another request's read token lay may be that request's", () => {
    const short: HandMadeRequest = { ...owner, prompt: [{ seg: "B" }, { read: "scan" }] };
    const anomaly = explained([payloadToken([0, 0, 0]), ...right.slice(1)], [short]);
    expect(anomaly.class).toBe("unwritten read");
    expect(anomaly.or).toContainEqual({
      class: "foreign read",
      origins: [{ request: "r1", position: 16, place: "read" }],
    });
  });

  test("that no request accounts for is unexplained", () => {
    const nobody = payloadToken([15, 15, 15]);
    const anomaly = explained([nobody, ...right.slice(1)], [owner]);
    expect(anomaly).toMatchObject({ class: "unexplained", origins: [] });
  });

  test("that several requests account for names them all", () => {
    const twin = { ...owner, id: "r3" };
    const anomaly = explained(theirs, [owner, twin]);
    expect(anomaly.origins.map((o) => o.request)).toEqual(["r1", "r3"]);
    expect(anomaly.explanation).toContain("does not tell these apart");
  });
});

test("a find read that answers the same wrong token again and again is worth that one token", () => {
  const C = payloadRun(3, 4, 16);
  const pair = (token: number) => digitsOf(token).slice(0, 2).join();
  const single = C.findIndex((token) => C.filter((other) => pair(other) === pair(token)).length === 1);
  const other = C[(single + 1) % 16]!;
  const anomaly = explained(new Array<number>(8).fill(other), [], {
    prompt: [{ seg: "C" }, { read: "find", back: 16 - single }],
    maxTokens: 8,
  });
  expect(anomaly.position).toBe(single);
  const named = [anomaly, ...anomaly.or].map((reading) => reading.class);
  expect(named).toEqual(expect.arrayContaining(["shifted read", "unwritten read", "unexplained"]));
});

describe("a wrong scan answer", () => {
  const scan = { prompt: [{ seg: "A" }, { read: "scan" }] as const };

  test("that is an alarm tells the layer, and not whose the key was", () => {
    const anomaly = explained([errToken(3), errToken(3)], [owner], {
      prompt: [{ nonce: 5 }, { seg: "A" }, { read: "scan" }],
    });
    expect(anomaly).toMatchObject({
      class: "foreign read",
      or: [{ class: "unwritten read", origins: [] }],
      position: null,
      origins: [],
      observed: ["err.3", "err.3"],
    });
    expect(anomaly.explanation).toContain("the alarm of layer 3");
    expect(anomaly.explanation).toContain("does not carry the marks of r2");
  });

  test("names the requests that hold the digit", () => {
    // Family 1 has its third digit in group 1: values 4 to 7, which family 0 has not.
    const anomaly = explained([badToken(2, digitsOf(B[0]!)[2])], [owner], scan);
    expect(anomaly.class).toBe("foreign read");
    expect(anomaly.origins).toEqual([{ request: "r1", position: 0, place: "B[0]" }]);
    expect(anomaly.position).toBe(null);
  });

  test("that is another row's scan token is a row swap, whatever comes after it", () => {
    const anomaly = explained([scanToken([0, 1]), B[0]!], [owner], scan);
    expect(anomaly).toMatchObject({ class: "row swap", origins: [{ request: "r1", place: "answer[0]" }] });
  });
});

test("an answer that is right but short has lost its tail", () => {
  const run = handMade([{ ...victim, answer: (r) => r.slice(0, 2) }]);
  const anomaly = explainWitness(run, { request: "r2", index: 2, expected: "4 tokens", observed: "2 tokens" }, 16);
  expect(anomaly).toMatchObject({ class: "lost tail", index: 2 });
  expect(anomaly.explanation).toContain("2 of 4 tokens");
});

test("a request that hangs did not settle", () => {
  const run = handMade([{ ...victim, ends: "open", answer: () => [] }]);
  const anomaly = explainWitness(run, { request: "r2", index: null, expected: "", observed: "" }, 16);
  expect(anomaly).toMatchObject({ class: "unsettled request", index: null });
  expect(anomaly.explanation).toContain("still open when the run ended");
});

test("tokens beyond those asked for are no cell's", () => {
  const run = handMade([{ ...victim, answer: (r) => [...r, r[0]!] }]);
  const witness = { request: "r2", index: 4, expected: "the end of the answer (length)", observed: "p111" };
  const anomaly = explainWitness(run, witness, 16);
  expect(anomaly).toMatchObject({ class: "unexplained", index: 4, position: null, origins: [] });
  expect(anomaly.explanation).toContain("expected the end of the answer (length), got p111");
});

test("another finish reason than a twin's is no lost tail", () => {
  const run = handMade([{ ...victim, reason: "stop" }]);
  const witness = {
    request: "r2",
    index: null,
    expected: "finish reason length, as r1",
    observed: "finish reason stop",
  };
  const anomaly = explainWitness(run, witness, 16);
  expect(anomaly).toMatchObject({ class: "unexplained", index: null });
  expect(anomaly.explanation).toContain("got finish reason stop");
});

describe("the explanation says", () => {
  const other: HandMadeRequest = { ...owner, settledAt: 300, prompt: [{ seg: "C" }, { seg: "B" }, { read: "scan" }] };
  const scan = { prompt: [{ seg: "A" }, { read: "scan" }] as const };

  test.each([
    [
      "where foreign cells lie in their own request",
      [...B.slice(4, 8)],
      [other],
      {},
      "B[4] of r1 at position 20 (block 1)",
    ],
    ["how many tokens in a row fit", [...B.slice(0, 4)], [other], {}, "These 4 tokens in a row are B[0] of r1."],
    [
      "which digits of a torn cell are another's, and in which layers",
      [...right].map((token, i) => payloadToken([digitsOf(token)[0], digitsOf(token)[1], digitsOf(B[i]!)[2]])),
      [other],
      {},
      "Digit 3 (read layers 3, 6, ...) comes from B[0] of r1, the others do not",
    ],
    [
      "which digit a scan named",
      [badToken(2, digitsOf(B[0]!)[2])],
      [other],
      scan,
      "Digit 3 is in no cell of its own context",
    ],
    [
      "how far a phantom hit goes",
      [badToken(2, digitsOf(B[0]!)[2])],
      [other],
      { ...scan, cached: 32 },
      "The engine took 32 tokens of the prompt of r2 from its cache, up to position 31 (block 1), but no earlier request held more than 0 of them",
    ],
    [
      "that a request had ended",
      [...B.slice(0, 4)],
      [{ ...other, settledAt: 40 }],
      {},
      "B[0] of r1, left behind by a request that had ended",
    ],
    ["that a neighbour answered", right.map(() => A[15]!), [], {}, "its own was not written when it was read"],
    ["that a part came twice", [...right, ...right], [], { maxTokens: 4 }, "The last tokens of its answer came twice"],
  ] as const)("%s", (_, answer, others, more, text) => {
    const run = handMade([...others, { ...victim, ...more, answer: () => answer }]);
    const index = answer.length > 4 ? 4 : 0;
    const anomaly = explainWitness(run, { request: "r2", index, expected: "an end", observed: "more" }, 16);
    expect(anomaly.explanation).toContain(text);
  });

  test("a hit across salts, though every token is right", () => {
    const same = { prompt: [{ seg: "A" }, { read: "scan" }] as const, maxTokens: 4 };
    const run = handMade([
      { ...same, id: "r1", sentAt: 0, settledAt: 9 },
      { ...same, id: "r2", sentAt: 10, settledAt: 19, cached: 48, options: { salt: "s1" } },
    ]);
    const anomaly = explainWitness(run, { request: "r2", index: null, expected: "0 tokens", observed: "48" }, 16);
    expect(anomaly).toMatchObject({ class: "phantom hit", or: [], index: null });
    expect(anomaly.explanation).toMatch(
      /^The engine took 48 tokens of the prompt of r2 .* no earlier request with its salt s1 held more than 0 of them\. Its tokens are right/,
    );
  });
});
