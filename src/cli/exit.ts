/** What a command's end means to a shell. */

import type { CampaignStatus } from "../check/verdict.ts";
import { CrosstalkError } from "../errors.ts";

export const EXIT = { clean: 0, finding: 1, couldNotTest: 2, interrupted: 130 } as const;

export function exitCodeOf(status: CampaignStatus): number {
  return status === "pass" || status === "known" ? EXIT.clean : status === "fail" ? EXIT.finding : EXIT.couldNotTest;
}

/** An error as the command line shows it: what happened, then what to do. */
export function formatError(error: unknown): string {
  if (error instanceof CrosstalkError) return `crosstalk: ${error.message}\n  ${error.hint}`;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `crosstalk: unexpected error, please report it: ${text}`;
}
