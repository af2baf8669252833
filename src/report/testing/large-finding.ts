/** The example's finding in the middle of a long run, for tests and benches. No engine was run for it. */

import type { Finding } from "../../check/finding.ts";
import type { HistoryEvent } from "../../history/schema.ts";
import { expectedTokens, resolveRequests } from "../../trace/prompt.ts";
import type { Step, Trace } from "../../trace/schema.ts";
import { exampleFinding } from "../example.ts";

const GAP_MS = 4;
/** One in so many is cancelled, and one in so many evicts a block. */
const CANCELLED = 7;
const EVICTS = 3;
const MS = 1000;

/** @param requests of the whole run, the finding's two among them */
export function largeFinding(requests: number): Finding {
  const example = exampleFinding();
  const fillers = requests - 2;
  const shift = Math.floor(fillers / 2) * GAP_MS;
  const later = (step: Step): Step => ({ ...step, at: step.at + shift });
  const trace: Trace = {
    ...example.trace,
    segments: { ...example.trace.segments, F: { seed: 4, family: 9, length: 64 } },
    steps: [
      ...Array.from({ length: fillers }, (_, i) => fillerSteps(i)).flat(),
      ...example.trace.steps.map(later),
    ].sort((a, b) => a.at - b.at),
  };
  const answer = [...expectedTokens(resolveRequests({ ...trace, steps: fillerSteps(0) }).get("f0")!)];
  const own = example.history.events.map((event) => ({ ...event, t: event.t + shift * MS }));
  const end = { ...own.at(-1)!, t: requests * GAP_MS * MS + 50 * MS };
  const events = [...Array.from({ length: fillers }, (_, i) => fillerEvents(i, answer)).flat(), ...own.slice(0, -1)];
  const history = { ...example.history, events: [...events.sort((a, b) => a.t - b.t), end] };
  return { ...example, trace, history };
}

function fillerSteps(i: number): Step[] {
  const at = i * GAP_MS;
  const send: Step = { at, send: `f${i}`, prompt: [{ seg: "F" }, { read: "scan" }], maxTokens: 8 };
  return i % CANCELLED === 1 ? [send, { at, cancel: `f${i}`, afterTokens: 1 }] : [send];
}

function fillerEvents(i: number, answer: readonly number[]): HistoryEvent[] {
  const id = `f${i}`;
  const t = i * GAP_MS * MS;
  const sent: HistoryEvent = { t, at: t, e: "sent", id, tokens: 65, sha256: "" };
  const evicted: HistoryEvent = { t: t + 100, e: "cache", what: "eviction", id, blocks: [i % 64] };
  const first: HistoryEvent = { t: t + 9 * MS, e: "tokens", id, ids: answer.slice(0, 1) };
  const before = i % EVICTS === 0 ? [sent, evicted, first] : [sent, first];
  if (i % CANCELLED === 1) return [...before, { t: t + 10 * MS, at: t + 10 * MS, e: "cancelled", id }];
  return [
    ...before,
    { t: t + 18 * MS, e: "tokens", id, ids: answer.slice(1) },
    { t: t + 18 * MS, e: "finished", id, reason: "length", cached: 64 },
  ];
}
