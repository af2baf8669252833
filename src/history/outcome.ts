/** What became of each request, folded out of a history's events. */

import type { History, HistoryEvent, Logprob } from "./schema.ts";

export interface Outcome {
  readonly id: string;
  /** Microseconds from the run's start. */
  readonly sentAt: number;
  /** Generated token ids in order, and when each arrived. */
  readonly tokens: readonly number[];
  readonly tokenTimes: readonly number[];
  /** What came with each token; null where nothing did. */
  readonly logprobs: readonly (Logprob | null)[];
  /** `open`: neither finished, failed nor cancelled when the run ended. */
  readonly status: "finished" | "cancelled" | "failed" | "open";
  readonly settledAt: number | null;
  /** Why generation ended, as the engine says it; null unless `finished`. */
  readonly reason: "length" | "stop" | "other" | null;
  readonly cached: number | null;
  readonly place: string | null;
  readonly error: string | null;
}

type Draft = { -readonly [K in keyof Outcome]: Outcome[K] } & {
  tokens: number[];
  tokenTimes: number[];
  logprobs: (Logprob | null)[];
};

/** Outcomes by request id, in order of sending. Events of unknown requests are ignored. */
export function outcomes(history: Pick<History, "events">): Map<string, Outcome> {
  const found = new Map<string, Draft>();
  for (const event of history.events) {
    if (event.e === "sent") {
      found.set(event.id, {
        id: event.id,
        sentAt: event.t,
        tokens: [],
        tokenTimes: [],
        logprobs: [],
        status: "open",
        settledAt: null,
        reason: null,
        cached: null,
        place: null,
        error: null,
      });
      continue;
    }
    const draft = "id" in event && event.id !== undefined ? found.get(event.id) : undefined;
    if (!draft) continue;
    if (event.e === "tokens") {
      for (const [i, id] of event.ids.entries()) {
        draft.tokens.push(id);
        draft.tokenTimes.push(event.t);
        draft.logprobs.push(event.logprobs?.[i] ?? null);
      }
    } else if (event.e === "finished") {
      Object.assign(draft, {
        status: "finished",
        settledAt: event.t,
        reason: event.reason,
        cached: event.cached,
        place: event.place ?? null,
      });
    } else if (event.e === "failed") {
      Object.assign(draft, { status: "failed", settledAt: event.t, error: `${event.code}: ${event.message}` });
    } else if (event.e === "cancelled") {
      Object.assign(draft, { status: "cancelled", settledAt: event.t });
    }
  }
  return found;
}

/** How the server ended by itself during the run; null if it did not. */
export function serverLoss(history: History): Extract<HistoryEvent, { e: "lost" }> | null {
  return history.events.find((event) => event.e === "lost") ?? null;
}

/** When the caches were emptied during the run, microseconds. */
export function flushTimes(history: History): number[] {
  return history.events.flatMap((event) => (event.e === "flushed" ? event.t : []));
}
