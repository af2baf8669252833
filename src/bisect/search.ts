/** Which version to test next: bisection that goes around versions that cannot be tested. It runs nothing itself. */

export type VersionState = "good" | "bad" | "untestable";

export interface Search {
  /** Index of the version to test next; null when no answer could narrow it further. */
  readonly next: number | null;
  /** The oldest version known to be bad. */
  readonly firstBad: number;
  /** The youngest version older than it that is known to be good. */
  readonly lastGood: number;
}

/**
 * @param states by index, oldest first; the first is good and the last bad, null is a version that was not tested
 */
export function search(states: readonly (VersionState | null)[]): Search {
  const firstBad = states.indexOf("bad");
  const lastGood = states.lastIndexOf("good", firstBad);
  const middle = (lastGood + firstBad) / 2;
  const open = states.flatMap((state, i) => (state === null && i > lastGood && i < firstBad ? [i] : []));
  const next = open.length === 0 ? null : open.reduce((a, b) => (Math.abs(b - middle) < Math.abs(a - middle) ? b : a));
  return { next, firstBad, lastGood };
}
