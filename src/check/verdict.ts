/** Verdicts, and how they join. */

import type { Answer } from "../history/outcome.ts";

/** Where a law was broken: the request, the answer's index, and what was there. */
export interface Witness {
  readonly request: string;
  /** Which of its choices; left out for choice 0. */
  readonly choice?: number;
  /** Index of the first wrong generated token; null where the law is not about a token. */
  readonly index: number | null;
  readonly expected: string;
  readonly observed: string;
}

/** Whose answer it is, as witnesses and anomalies name it. */
export function whose({ id, choice }: Pick<Answer, "id" | "choice">): Pick<Witness, "request" | "choice"> {
  return choice === 0 ? { request: id } : { request: id, choice };
}

/** `r3`, or `choice 1 of r3`. */
export function answerName({ request, choice = 0 }: Pick<Witness, "request" | "choice">): string {
  return choice === 0 ? request : `choice ${choice} of ${request}`;
}

export type Verdict =
  | { readonly status: "pass"; readonly reason: string }
  | { readonly status: "inconclusive"; readonly reason: string }
  | { readonly status: "fail"; readonly reason: string; readonly witnesses: readonly [Witness, ...Witness[]] };

const RANK = { pass: 0, known: 1, inconclusive: 2, fail: 3 } as const;

export type Status = Verdict["status"];
/** What a whole campaign comes to: `known` where a law broke in ways only that are known already. */
export type CampaignStatus = Status | "known";

/** `pass < known < inconclusive < fail`: the worst of all; nothing checked is inconclusive. */
export function joinStatus<S extends CampaignStatus>(statuses: readonly S[]): S | "inconclusive" {
  const [first, ...rest] = statuses;
  if (first === undefined) return "inconclusive";
  return rest.reduce((worst, s) => (RANK[s] > RANK[worst] ? s : worst), first);
}

export const pass = (reason: string): Verdict => ({ status: "pass", reason });
export const inconclusive = (reason: string): Verdict => ({ status: "inconclusive", reason });
export function fail(reason: string, witnesses: readonly Witness[]): Verdict {
  const [first, ...rest] = witnesses;
  if (!first) throw new Error("a failed verdict needs a witness");
  return { status: "fail", reason, witnesses: [first, ...rest] };
}
