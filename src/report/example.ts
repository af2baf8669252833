/** A worked example of a finding: documentation shows it and tests check its reports. No engine was run for it. */

import type { Finding } from "../check/finding.ts";
import { rate } from "../check/statistics.ts";
import { HISTORY_VERSION, type HistoryEvent } from "../history/schema.ts";
import { expectedTokens, resolveRequests } from "../trace/prompt.ts";
import { TRACE_VERSION, type Trace } from "../trace/schema.ts";
import { DEFAULT_MODEL } from "../tracer/manifest.ts";
import { payloadRun, tokenName } from "../tracer/vocabulary.ts";

const TRACE: Trace = {
  crosstalk: TRACE_VERSION,
  name: "example",
  segments: {
    A: { seed: 1, family: 0, length: 48 },
    B: { seed: 2, family: 21, length: 32 },
    C: { seed: 3, family: 42, length: 32 },
  },
  steps: [
    { at: 0, send: "r1", prompt: [{ seg: "A" }, { seg: "B" }, { read: "scan" }], maxTokens: 16 },
    { at: 5, cancel: "r1", afterTokens: 3 },
    { at: 20, send: "r2", prompt: [{ seg: "A" }, { seg: "C" }, { read: "narrow", back: 32 }], maxTokens: 24 },
  ],
};

/** The example's bug: block 4, freed by the cancel, is handed to r2 while r1's cells are still being written to it. */
const FIRST_WRONG = 16;
const WRONG = 4;
const SHARED = 48;

/** Request r2 reads four cells of B, which only the cancelled r1 ever sent. */
export function exampleFinding(): Finding {
  const requests = resolveRequests(TRACE);
  const [r1, r2] = [requests.get("r1")!, requests.get("r2")!];
  const expected = [...expectedTokens(r2)];
  const foreign = [...payloadRun(2, 21, 32)].slice(FIRST_WRONG, FIRST_WRONG + WRONG);
  const observed = expected.with(FIRST_WRONG, foreign[0]!);
  for (const [i, token] of foreign.entries()) observed[FIRST_WRONG + i] = token;
  const scan = [...expectedTokens(r1)];
  const ms = (value: number): number => value * 1000;
  const events: HistoryEvent[] = [
    { t: ms(0.1), e: "sent", at: 0, id: "r1", tokens: r1.prompt.length, sha256: "" },
    { t: ms(11.2), e: "tokens", id: "r1", ids: scan.slice(0, 1) },
    { t: ms(13.9), e: "tokens", id: "r1", ids: scan.slice(1, 3) },
    { t: ms(14), e: "cancelled", at: ms(14), id: "r1" },
    { t: ms(20.1), e: "sent", at: ms(20), id: "r2", tokens: r2.prompt.length, sha256: "" },
    { t: ms(20.4), e: "cache", what: "eviction", id: "r1", blocks: [4] },
    { t: ms(31), e: "tokens", id: "r2", ids: observed.slice(0, 1) },
    { t: ms(38), e: "tokens", id: "r2", ids: observed.slice(1, 12) },
    { t: ms(47.5), e: "tokens", id: "r2", ids: observed.slice(12) },
    { t: ms(47.6), e: "finished", id: "r2", reason: "length", cached: SHARED, place: "slot 0" },
    { t: ms(50), e: "end", latenessP99: 90, latenessMax: 120 },
  ];
  return {
    id: "own-cells-only-1f3a9c",
    law: {
      id: "own-cells-only",
      title: "A request reads its own cells only",
      law: "Every token of a request that was not cancelled is the one that its own prompt determines.",
    },
    anomaly: {
      class: "foreign read",
      or: [],
      request: "r2",
      index: FIRST_WRONG,
      expected: expected.slice(FIRST_WRONG, FIRST_WRONG + WRONG).map(tokenName),
      observed: foreign.map(tokenName),
      position: SHARED + FIRST_WRONG,
      origins: [{ request: "r1", position: SHARED + FIRST_WRONG, place: `B[${FIRST_WRONG}]` }],
      explanation:
        "Request r2 was answered with cells B[16] to B[19], which only request r1 sent. They lie where r2's own cells C[16] to C[19] belong: positions 64 to 67, block 4. Block 4 was taken from r1 just before, after r1 was cancelled.",
    },
    trace: TRACE,
    history: {
      header: {
        crosstalk: HISTORY_VERSION,
        trace: { name: TRACE.name, sha256: "" },
        arm: "main",
        epoch: 2,
        engine: { name: "llama.cpp", version: "b11669", args: ["-np", "4", "-c", "4096"] },
        target: "process",
        model: "0".repeat(64),
        machine: "example",
        clock: "virtual",
      },
      events,
    },
    log: [],
    target: {
      kind: "process",
      engine: { name: "llama.cpp", version: "b11669", args: ["-np", "4", "-c", "4096"] },
      topology: "single",
      blockSize: 16,
      poolCells: 4096,
      maxRunning: 4,
      contextTokens: 1024,
      canFlush: true,
      model: "0".repeat(64),
      written: DEFAULT_MODEL,
      dialect: "llama-server",
      isolation: "flush",
      startsInMs: 0,
      options: [],
      arms: ["main", "serialised", "no-cache", "no-cancels", "fresh-server"],
      startCommand: ["llama-server -m $MODEL --port $PORT -np 4 -c 4096 --slot-save-path /tmp"],
      fault: null,
    },
    confirmation: { ...rate(7, 10), servers: 5 },
    settings: { without: ["-ub 64"], needed: ["-np 4"] },
    arms: [
      { arm: "serialised", rate: rate(0, 10) },
      { arm: "no-cache", rate: rate(0, 10) },
      { arm: "no-cancels", rate: rate(0, 10) },
    ],
    minimised: {
      from: { requests: 40, cancels: 19, steps: 63, promptTokens: 9310 },
      to: { requests: 2, cancels: 1, steps: 3, promptTokens: 162 },
      runs: 117,
      claim:
        "removing any one of its 5 removable elements did not fail within 4 runs, so that without it at most 53 % of runs fail (95 % confidence)",
    },
  };
}
