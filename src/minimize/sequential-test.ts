/** Wald's sequential probability ratio test (1945): does a trace fail often enough to be kept? It ends as soon as its runs say so. */

export interface Tally {
  readonly failed: number;
  readonly runs: number;
}

export interface Question {
  /** Share of the runs in which the trace that is to be beaten fails; below 1. */
  readonly rate: number;
  /** Part of that rate which is too little. */
  readonly share: number;
  /** Chance that a trace which fails at `rate` is refused, about. */
  readonly miss: number;
  /** Chance that a trace which fails at `share` times `rate` is kept, about. */
  readonly luck: number;
}

export type Answer = "kept" | "refused" | "open";

export function answer(question: Question, tally: Tally): Answer {
  const { refuse, keep } = bounds(question);
  const ratio = likelihoodRatio(question, tally);
  return ratio >= keep ? "kept" : ratio <= refuse ? "refused" : "open";
}

/** Runs without a failure after which the trace would be refused. */
export function silenceToRefuse(question: Question, tally: Tally): number {
  const left = bounds(question).refuse - likelihoodRatio(question, tally);
  return Math.max(1, Math.ceil(left / silence(question)));
}

const bounds = ({ miss, luck }: Question) => ({
  refuse: Math.log(miss / (1 - luck)),
  keep: Math.log((1 - miss) / luck),
});

/** Logarithm of how much likelier the tally is at `rate` than at the share of it. */
function likelihoodRatio(question: Question, { failed, runs }: Tally): number {
  return -failed * Math.log(question.share) + (runs - failed) * silence(question);
}

const silence = ({ rate, share }: Question): number => Math.log((1 - rate) / (1 - share * rate));
