/** Progress on standard error: one line that changes on a terminal, a line now and then elsewhere. */

import type { CampaignEvent } from "../campaign.ts";
import type { Coverage } from "../check/coverage.ts";
import { signatureOf } from "../check/signature.ts";
import type { Paint } from "../report/terminal.ts";
import { count } from "../report/wording.ts";

export interface Progress {
  /** A line that stays. */
  say(text: string): void;
  /** A line that the next one replaces. Where that cannot be, one a minute stays and the others are left out. */
  show(text: string): void;
}

const quiet: Progress = { say: () => {}, show: () => {} };

/** Time between two lines of progress where no terminal shows one that changes, in milliseconds. */
const PLAIN_EVERY_MS = 60_000;

/** @param clock milliseconds */
export function progressTo(
  stream: Pick<NodeJS.WriteStream, "columns" | "isTTY" | "write">,
  silent: boolean,
  clock: () => number = () => performance.now(),
): Progress {
  if (silent) return quiet;
  let open = false;
  let last = clock();
  const clear = () => {
    if (open) stream.write("\r\x1b[2K");
    open = false;
  };
  const say = (text: string) => {
    clear();
    stream.write(`${text}\n`);
    last = clock();
  };
  return {
    say,
    show: (text) => {
      if (!stream.isTTY) {
        if (clock() - last >= PLAIN_EVERY_MS) say(text);
        return;
      }
      clear();
      stream.write(text.slice(0, (stream.columns ?? 80) - 1));
      open = true;
    },
  };
}

const CODES = { bad: 31, strong: 1, faint: 2 } as const;

/** Colours for a terminal that wants them: NO_COLOR is heeded. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  const plain = !stream.isTTY || process.env.NO_COLOR !== undefined;
  return (style, text) => (plain ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`);
}

/** How a campaign stands. */
export interface Standing {
  readonly findings: number;
  /** Milliseconds of its budget; infinite where it has none. */
  readonly left: number;
}

/** What a campaign's event says on a terminal. */
export function narrate(event: CampaignEvent, { findings, left }: Standing, to: Progress): void {
  switch (event.type) {
    case "ran":
      to.show(`  ${formatLive(event.total)}, ${count(findings, "finding")}${formatLeft(left)}`);
      break;
    case "failure":
      to.say(`  ${event.failure.run.trace.name}: ${event.failure.law.title}: broken. ${event.verdict.reason}.`);
      break;
    case "weighing":
      to.show(`  the same trace again: failed in ${event.failed} of ${event.runs} runs`);
      break;
    case "minimising": {
      const { requests, cancels } = event.size;
      to.show(`  reducing (${event.pass}): ${requests} requests, ${cancels} cancels after ${event.runs} runs`);
      break;
    }
    case "setting":
      to.show(`  the server without ${event.setting}: ${event.needed ? "needed" : "fails too"}`);
      break;
    case "confirming":
      to.show(`  confirming on fresh servers: ${event.failed} of ${event.runs}`);
      break;
    case "arm":
      to.show(`  control arm ${event.result.arm}: ${event.result.rate.failed} of ${event.result.rate.runs}`);
      break;
    case "unconfirmed":
      to.say(`  not confirmed: it did not happen again in ${event.finding.confirmation.runs} runs.`);
      break;
    case "recurred":
      to.say(`  known: ${signatureOf(event.finding)}, ${event.times} times now.`);
      break;
    case "finding":
      if (event.known) to.say(`  known: ${signatureOf(event.finding)}.`);
      break;
  }
}

/** Short enough for a line of a terminal. */
function formatLive({ cancels, preemptions, prefixHitTokens, requests }: Coverage): string {
  return `${requests} requests, ${cancels} cancels, ${prefixHitTokens} hits, ${preemptions} preemptions`;
}

/** `, 3:07 left`. */
function formatLeft(ms: number): string {
  if (!Number.isFinite(ms)) return "";
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `, ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}
