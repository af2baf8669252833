/** Verdicts, and how they join. */

/** Where a law was broken: the request, the answer's index, and what was there. */
export interface Witness {
  readonly request: string;
  /** Index of the first wrong generated token; null where the law is not about a token. */
  readonly index: number | null;
  readonly expected: string;
  readonly observed: string;
}

export type Verdict =
  | { readonly status: "pass"; readonly reason: string }
  | { readonly status: "inconclusive"; readonly reason: string }
  | { readonly status: "fail"; readonly reason: string; readonly witnesses: readonly [Witness, ...Witness[]] };

const RANK = { pass: 0, inconclusive: 1, fail: 2 } as const;

export type Status = Verdict["status"];

/** `pass < inconclusive < fail`: the worst of all; nothing checked is inconclusive. */
export function joinStatus(statuses: readonly Status[]): Status {
  if (statuses.length === 0) return "inconclusive";
  return statuses.reduce((worst, s) => (RANK[s] > RANK[worst] ? s : worst), "pass" as Status);
}

export const pass = (reason: string): Verdict => ({ status: "pass", reason });
export const inconclusive = (reason: string): Verdict => ({ status: "inconclusive", reason });
export function fail(reason: string, witnesses: readonly Witness[]): Verdict {
  const [first, ...rest] = witnesses;
  if (!first) throw new Error("a failed verdict needs a witness");
  return { status: "fail", reason, witnesses: [first, ...rest] };
}
