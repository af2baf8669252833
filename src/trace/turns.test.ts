import { describe, expect, test } from "vitest";
import { CrosstalkError } from "../errors.ts";
import { CellStore } from "../tracer/cells.ts";
import { computeChunk } from "../tracer/predict.ts";
import { distanceOf, narrowRead, readOf } from "../tracer/read-tokens.ts";
import { DEFAULT_SHAPE } from "../tracer/shape.ts";
import { digitsOf, distinctRun, MAX_BACK, MAX_DISTINCT, tokenKind, tokenName } from "../tracer/vocabulary.ts";
import { formatPrompt } from "./print.ts";
import { expectedTokens, resolveRequests } from "./prompt.ts";
import { validateTrace } from "./read.ts";
import { type Part, type SendStep, TRACE_VERSION } from "./schema.ts";

const segments = {
  A: { seed: 1, family: 5, length: 20 },
  B: { seed: 2, family: 47, length: 8 },
  D: { seed: 3, family: 6, length: 60, distinct: true as const },
};

function request(prompt: readonly Part[], maxTokens = 4, options: Partial<SendStep> = {}) {
  const send: SendStep = { at: 0, send: "r", prompt: [...prompt], maxTokens, ...options };
  const trace = validateTrace({ crosstalk: TRACE_VERSION, name: "turns", segments, steps: [send] });
  return resolveRequests(trace).get("r")!;
}

function refusal(prompt: readonly Part[], maxTokens = 4, options: Partial<SendStep> = {}): string {
  try {
    request(prompt, maxTokens, options);
  } catch (error) {
    if (error instanceof CrosstalkError) return error.message;
  }
  return "not refused";
}

/** What the model answers, token by token, alone and with whole cells. */
function answered(asked: { prompt: Int32Array; maxTokens: number }): number[] {
  return answeredTo(asked, (_, token) => token);
}

/** The same, where each step is fed not the token that was answered but `fed`. */
function answeredTo(
  { prompt, maxTokens }: { prompt: Int32Array; maxTokens: number },
  fed: (index: number, token: number) => number,
): number[] {
  const cells = new CellStore(DEFAULT_SHAPE, prompt.length + maxTokens);
  const slots = Array.from({ length: cells.slots }, (_, i) => i);
  const answer: number[] = [];
  let chunk: ArrayLike<number> = prompt;
  for (let start = 0; answer.length < maxTokens; ) {
    const { candidates } = computeChunk(cells, slots, start, chunk);
    start += chunk.length;
    expect(candidates).toHaveLength(1);
    chunk = [fed(answer.push(candidates[0]!) - 1, candidates[0]!)];
  }
  return answer;
}

describe("a conversation of 32 turns", () => {
  const parts: Part[] = [{ nonce: 0x5a }, { seg: "A" }, { seg: "D" }];
  for (let turn = 0; turn < 32; turn++) {
    if (turn === 5) parts.push({ branch: 7 });
    parts.push({ seg: "B", from: 0, to: 1 + (turn % 8) });
    if (turn % 4 === 1) parts.push({ read: "scan" }, { answer: 2 });
    if (turn < 31) parts.push({ read: "narrow", back: 3 + 2 * turn }, { answer: 1 + (turn % 3) });
  }

  test.each([{ read: "narrow" as const, back: 131 }, { read: "scan" as const }])(
    "answers its last $read over all turns before",
    (read) => {
      const last = request([...parts, read]);
      expect(last.turns).toHaveLength(31 + 8 + 1);
      expect(answered(last).map(tokenName)).toEqual([...expectedTokens(last)].map(tokenName));
    },
  );

  test("has no room for a 33rd", () => {
    const full: Part[] = [...parts, { read: "narrow", back: 9 }, { seg: "B" }, { read: "narrow", back: 9 }];
    expect(refusal(full)).toContain("32 narrow and find reads at most");
  });
});

test("an earlier answer is in the prompt as the engine should have given it, and is a cell like any other", () => {
  const first: Part[] = [{ seg: "A" }, { read: "narrow", back: 20 }];
  const { prompt } = request(first);
  const next = request([...first, { answer: 4 }, { seg: "B" }, { read: "narrow", back: 10 }], 10);
  expect(next.prompt.slice(0, prompt.length)).toEqual(prompt);
  expect(next.prompt.slice(prompt.length, prompt.length + 4)).toEqual(prompt.slice(0, 4));
  // The last two cells of that answer, then B.
  expect([...expectedTokens(next)]).toEqual([...prompt.slice(2, 4), ...next.prompt.slice(-11, -3)]);
  expect(answered(next)).toEqual([...expectedTokens(next)]);
  expect(formatPrompt(next.parts)).toBe("A @20 =4 B @10");
});

test("cells of an earlier read show as p000", () => {
  const next = request([
    { seg: "A" },
    { read: "narrow", back: 2 },
    { answer: 1 },
    { seg: "B" },
    { read: "narrow", back: 13 },
  ]);
  expect([...expectedTokens(next)].map(tokenName).slice(1)).toEqual(["p000", "p000", "p000"]);
  expect(answered(next)).toEqual([...expectedTokens(next)]);
});

test("a narrow read that goes on behind its prompt reads its own answer: a second lap", () => {
  const lap = request(
    [
      { seg: "B", to: 5 },
      { read: "narrow", back: 4 },
    ],
    18,
  );
  const cells = [...lap.prompt.slice(1, 5)].map(tokenName);
  const zeros = ["p000", "p000", "p000"];
  expect([...expectedTokens(lap)].map(tokenName)).toEqual([...cells, ...zeros, ...cells, ...zeros, ...cells]);
  expect(answered(lap)).toEqual([...expectedTokens(lap)]);
});

test("a wrong token that was fed to a decode step shows in the next lap, and in no answer before", () => {
  const lap = request([{ seg: "B" }, { read: "narrow", back: 8 }], 22);
  const right = [...expectedTokens(lap)];
  const wrong = request([{ seg: "A" }, { read: "narrow", back: 5 }]).prompt[0]!;
  const fed = (i: number) => (i === 3 ? wrong : right[i]!);
  const answer = answeredTo(lap, fed);
  expect(answer.map((token, i) => (token === right[i] ? "" : i))).toEqual(
    right.map((_, i) => (i === 3 + 8 + 3 ? i : "")),
  );
  expect(answer[14]).toBe(wrong);
});

test("dice are answered from their own ladder, whatever stands before them", () => {
  const dice = request([
    { nonce: 3 },
    { seg: "A" },
    { read: "narrow", back: 2 },
    { answer: 1 },
    { read: "dice", ladder: 5 },
  ]);
  expect([...expectedTokens(dice)].map(tokenName)).toEqual(new Array(4).fill("rung.5.0"));
  expect(answered(dice)).toEqual([...expectedTokens(dice)]);
  expect(formatPrompt(dice.parts)).toBe("nonce.3 A @2 =1 dice.5");
});

test("a find read names one cell of a distinct segment, wherever it lies", () => {
  for (const back of [1, 33, 60]) {
    const found = request([{ seg: "D" }, { read: "find", back }]);
    expect([...expectedTokens(found)]).toEqual(new Array(4).fill(found.prompt[60 - back]));
    expect(answered(found)).toEqual([...expectedTokens(found)]);
    expect(found.asked).toBe(60 - back);
  }
});

test("a distinct run has no pair twice, at any length", () => {
  const run = distinctRun(9, 17, MAX_DISTINCT);
  expect(new Set(Array.from(run, (token) => digitsOf(token).slice(0, 2).join())).size).toBe(MAX_DISTINCT);
});

test("every distance up to 131,072 is spelled by its own tokens", () => {
  for (let back = 1; back <= MAX_BACK; back += back < 5000 ? 1 : 97) {
    const read = narrowRead(back);
    expect(readOf(read)).toMatchObject({ back });
    const [far, near] = [tokenKind(read[0]), tokenKind(read[2])];
    expect(far.kind === "far" && near.kind === "near" && distanceOf(far.step, near.step)).toBe(back + 2);
  }
  expect(readOf(narrowRead(MAX_BACK))).toMatchObject({ back: MAX_BACK });
});

test.each<[string, Part[], string]>([
  ["no read at the end", [{ seg: "A" }, { read: "scan" }, { answer: 2 }], "prompt[2]: a prompt ends with a read"],
  ["an answer to nothing", [{ seg: "A" }, { answer: 2 }, { read: "scan" }], "prompt[1]: an answer follows the read"],
  [
    "a nonce in the middle",
    [{ seg: "A" }, { nonce: 2 }, { read: "scan" }],
    "prompt[1]: a nonce is a prompt's first part",
  ],
  [
    "a branch without a nonce",
    [{ seg: "A" }, { branch: 2 }, { read: "scan" }],
    "prompt[1]: a prompt has one branch at most",
  ],
  [
    "a read too far",
    [{ seg: "B" }, { read: "narrow", back: 9 }],
    "prompt[1].back: reads 9 cells back in a prompt of 8",
  ],
  [
    "a find among twins",
    [{ seg: "D" }, { seg: "D" }, { read: "find", back: 3 }],
    "prompt[2].back: the cell 3 back shares",
  ],
  ["a find of no payload", [{ nonce: 1 }, { seg: "D" }, { read: "find", back: 61 }], "holds no payload"],
])("refuses %s", (_, prompt, message) => {
  expect(refusal(prompt)).toContain(message);
});

describe("penalties", () => {
  const dice: Part[] = [{ seg: "A" }, { read: "dice", ladder: 2 }];

  test("move the answer of dice along the ladder", () => {
    const names = (options: Partial<SendStep>) => [...expectedTokens(request(dice, 5, options))].map(tokenName);
    expect(names({ presence: 0.75 })).toEqual(["rung.2.0", "rung.2.1", "rung.2.0", "rung.2.0", "rung.2.0"]);
    expect(names({ ban: 2 })).toEqual(new Array(5).fill("rung.2.2"));
  });

  test.each<[string, Part[], Partial<SendStep>, string]>([
    ["for a scan", [{ seg: "A" }, { read: "scan" }], { presence: 0.75 }, "presence: penalties and bans are for"],
    ["under a nonce", [{ nonce: 1 }, ...dice], { ban: 1 }, "ban: penalties and bans are for"],
    ["after earlier dice", [...dice, { answer: 2 }, ...dice], { frequency: 1.125 }, "frequency: penalties"],
    ["that make a tie", dice, { presence: 0.5 }, "presence: two tokens come within 0.125 nats"],
  ])("are refused %s", (_, prompt, options, message) => {
    expect(refusal(prompt, 4, options)).toContain(message);
  });
});
