/** Runs written by hand: for tests of laws, one's own included. */

import { type Run, type RunSet, toRun } from "../src/check/property.ts";
import { HISTORY_VERSION, type HistoryEvent, type HistoryHeader, type Logprob } from "../src/history/schema.ts";
import type { RequestOption } from "../src/trace/options.ts";
import { expectedTokens, resolveRequests } from "../src/trace/prompt.ts";
import { type Part, type SendStep, type Step, TRACE_VERSION, type Trace } from "../src/trace/schema.ts";

/** A request and what became of it. Times in milliseconds; its tokens all arrive at `settledAt`. */
export interface HandMadeRequest {
  readonly id: string;
  readonly sentAt: number;
  readonly settledAt: number;
  /** Segments `A` (48 cells), `B`, `C` and `D` (16 each, of other families) and a read. */
  readonly prompt: readonly Part[];
  readonly maxTokens: number;
  readonly options?: Pick<SendStep, RequestOption>;
  /** What the engine answered, made from the right answer; the right answer itself if absent. */
  readonly answer?: Answered;
  /** The same of the choices behind the first, of a request with `n`; right ones, as many as it asked for, if absent. */
  readonly others?: readonly Answered[];
  /** What came with each token of its first choice. */
  readonly logprobs?: (right: readonly number[]) => readonly Logprob[];
  /** Default `finished`. `too late` is a cancel that did not land. */
  readonly ends?: "finished" | "cancelled" | "too late" | "failed" | "open";
  readonly reason?: "length" | "stop";
  /** Tokens from the prefix cache; null where the engine does not tell. Default 0. */
  readonly cached?: number | null;
}

type Answered = (right: readonly number[]) => readonly number[];

const SEGMENTS: Trace["segments"] = {
  A: { seed: 1, family: 0, length: 48 },
  B: { seed: 2, family: 1, length: 16 },
  C: { seed: 3, family: 4, length: 16 },
  D: { seed: 4, family: 16, length: 16 },
};

const HEADER: HistoryHeader = {
  crosstalk: HISTORY_VERSION,
  trace: { name: "hand-made", sha256: "" },
  arm: "main",
  epoch: 1,
  empty: true,
  engine: { name: "by hand", version: "1", args: [] },
  target: "by hand",
  model: "none",
  machine: "none",
  clock: "virtual",
};

const END: HistoryEvent = { t: 1_000_000, e: "end", latenessP99: 0, latenessMax: 0 };

/** @param more events beyond those of the requests; the history's `end` is added, unless `cut` */
export function handMade(requests: readonly HandMadeRequest[], more: readonly HistoryEvent[] = [], cut = false): Run {
  const trace: Trace = {
    crosstalk: TRACE_VERSION,
    name: "hand-made",
    segments: SEGMENTS,
    steps: requests.flatMap(stepsOf).sort((a, b) => a.at - b.at),
  };
  const resolved = resolveRequests(trace);
  const events = [
    ...requests.flatMap((r) =>
      eventsOf(r, [...expectedTokens(resolved.get(r.id)!)], resolved.get(r.id)!.prompt.length),
    ),
    ...more,
  ].sort((a, b) => a.t - b.t);
  return toRun(trace, { header: HEADER, events: cut ? events : [...events, END] });
}

/** The run as the only arm. */
export function mainOnly(run: Run): RunSet {
  return new Map([["main", run]]);
}

function stepsOf({ id, sentAt, settledAt, prompt, maxTokens, options, ends }: HandMadeRequest): Step[] {
  const send: Step = { at: sentAt, send: id, prompt: [...prompt], maxTokens, ...options };
  return ends === "cancelled" || ends === "too late" ? [send, { at: settledAt, cancel: id }] : [send];
}

function eventsOf(request: HandMadeRequest, right: readonly number[], tokens: number): HistoryEvent[] {
  const { id, answer, options, ends = "finished", reason = "length", cached = 0 } = request;
  const t = request.settledAt * 1000;
  const at = request.sentAt * 1000;
  const others = request.others ?? Array.from({ length: (options?.n ?? 1) - 1 }, (): Answered => () => right);
  const events: HistoryEvent[] = [{ t: at, e: "sent", at, id, tokens, sha256: "" }];
  for (const [choice, answered] of [answer, ...others].entries()) {
    const ids = [...(answered?.(right) ?? right)];
    const own = choice === 0 ? request.logprobs && { logprobs: [...request.logprobs(right)] } : { choice };
    if (ids.length > 0) events.push({ t, e: "tokens", id, ids, ...own });
  }
  if (ends === "finished" || ends === "too late") events.push({ t, e: "finished", id, reason, cached });
  else if (ends === "cancelled") events.push({ t, e: "cancelled", at: t, id });
  else if (ends === "failed") events.push({ t, e: "failed", id, code: "HTTP_500", message: "out of cells" });
  return events;
}
