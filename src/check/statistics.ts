/** What a count of failures in a count of runs allows to say. */

import { CrosstalkError } from "../errors.ts";
import type { Rate } from "./finding.ts";

/**
 * The 97.5 % quantile of the normal distribution, for two-sided intervals of 95 %. Written out because the probit of
 * simple-statistics is an approximation that is wrong in the third decimal (1.957), on the side that claims too much.
 */
const Z95 = 1.959963984540054;

/**
 * Wilson's score interval, 95 %: unlike the textbook interval it stays within [0, 1] and means something at 0 of n and
 * at n of n. Source: Wilson 1927; Brown, Cai, DasGupta 2001. No runs say nothing: [0, 1].
 * @throws CrosstalkError INVALID_OPTION when the counts are no whole numbers or more runs failed than ran
 */
export function rate(failed: number, runs: number): Rate {
  if (!Number.isInteger(failed) || !Number.isInteger(runs) || failed < 0 || failed > runs) {
    throw new CrosstalkError("INVALID_OPTION", `${failed} failures in ${runs} runs is no rate`, "Count whole runs.");
  }
  if (runs === 0) return { failed, runs, low: 0, high: 1 };
  const z2 = Z95 * Z95;
  const p = failed / runs;
  const centre = (p + z2 / (2 * runs)) / (1 + z2 / runs);
  const half = (Z95 * Math.sqrt((p * (1 - p)) / runs + z2 / (4 * runs * runs))) / (1 + z2 / runs);
  return {
    failed,
    runs,
    low: failed === 0 ? 0 : Math.max(0, centre - half),
    high: failed === runs ? 1 : Math.min(1, centre + half),
  };
}

/**
 * The largest failure rate that 0 failures in n independent runs leave possible, with 95 % confidence, exactly:
 * 1 - 0.05^(1/n). About 3/n for large n. No runs leave everything possible: 1.
 */
export function upperBoundOfZero(runs: number): number {
  return runs > 0 ? -Math.expm1(Math.log(0.05) / runs) : 1;
}

/**
 * Clean runs in a row before "it no longer fails" is credible, for a failure that used to show in `failureRate` of the
 * runs: ceil(ln(1 - confidence) / ln(1 - failureRate)). 1 for a failure that always showed, Infinity for one never seen.
 */
export function cleanRunsNeeded(failureRate: number, confidence = 0.95): number {
  if (!(failureRate >= 0 && failureRate <= 1) || !(confidence > 0 && confidence < 1)) {
    throw new CrosstalkError(
      "INVALID_OPTION",
      `rate ${failureRate} with confidence ${confidence}: both are shares between 0 and 1`,
      "Give 0.3 for 30 %.",
    );
  }
  if (failureRate === 0) return Number.POSITIVE_INFINITY;
  if (failureRate === 1) return 1;
  return Math.ceil(Math.log(1 - confidence) / Math.log1p(-failureRate));
}
