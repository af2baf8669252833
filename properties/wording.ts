/** Words that verdicts share. */

/** `1 request`, `2 requests`. */
export function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}
