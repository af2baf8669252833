/** What became of each request, folded out of a history's events. */

import type { History, HistoryEvent, Logprob } from "./schema.ts";

/** One answer to a request. */
export interface Choice {
  /** Generated token ids in order, and when each arrived. */
  readonly tokens: readonly number[];
  readonly tokenTimes: readonly number[];
  /** What came with each token; null where nothing did. */
  readonly logprobs: readonly (Logprob | null)[];
}

/** Its own tokens are those of choice 0. */
export interface Outcome extends Choice {
  readonly id: string;
  /** Microseconds from the run's start. */
  readonly sentAt: number;
  /** The choices behind that one, as far as they have tokens: choice 1 first. */
  readonly choices: readonly Choice[];
  /** `open`: neither finished, failed nor cancelled when the run ended. */
  readonly status: "finished" | "cancelled" | "failed" | "open";
  readonly settledAt: number | null;
  /** Why generation ended, as the engine says it; null unless `finished`. */
  readonly reason: "length" | "stop" | "other" | null;
  readonly cached: number | null;
  readonly place: string | null;
  readonly error: string | null;
}

/** One choice of a request, as the outcome of a request that has no other. */
export interface Answer extends Outcome {
  readonly choice: number;
}

interface DraftChoice {
  readonly tokens: number[];
  readonly tokenTimes: number[];
  readonly logprobs: (Logprob | null)[];
}
type Draft = { -readonly [K in keyof Outcome]: Outcome[K] } & DraftChoice & { readonly choices: DraftChoice[] };

const noTokens = (): DraftChoice => ({ tokens: [], tokenTimes: [], logprobs: [] });

/** Outcomes by request id, in order of sending. Events of unknown requests are ignored. */
export function outcomes(history: Pick<History, "events">): Map<string, Outcome> {
  const found = new Map<string, Draft>();
  for (const event of history.events) {
    if (event.e === "sent") {
      found.set(event.id, {
        id: event.id,
        sentAt: event.t,
        ...noTokens(),
        choices: [],
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
      const { logprobs, tokens, tokenTimes } = choiceOf(draft, event.choice ?? 0);
      for (const [i, id] of event.ids.entries()) {
        tokens.push(id);
        tokenTimes.push(event.t);
        logprobs.push(event.logprobs?.[i] ?? null);
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

function choiceOf(draft: Draft, choice: number): DraftChoice {
  while (draft.choices.length < choice) draft.choices.push(noTokens());
  return choice === 0 ? draft : draft.choices[choice - 1]!;
}

/** The choices of a request, each by itself. @param asked how many there should be: one that never came has no token */
export function answersIn(outcome: Outcome, asked: number): Answer[] {
  const { choices } = outcome;
  const missing = Array.from({ length: asked - 1 - choices.length }, noTokens);
  return [outcome, ...choices, ...missing].map(({ logprobs, tokens, tokenTimes }, choice) => {
    return { ...outcome, logprobs, tokens, tokenTimes, choice };
  });
}

/** How the server ended by itself during the run; null if it did not. */
export function serverLoss(history: History): Extract<HistoryEvent, { e: "lost" }> | null {
  return history.events.find((event) => event.e === "lost") ?? null;
}

/** When the caches were emptied during the run, microseconds. */
export function flushTimes(history: History): number[] {
  return history.events.flatMap((event) => (event.e === "flushed" ? event.t : []));
}
