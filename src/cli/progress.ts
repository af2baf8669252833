/** Progress on standard error: one line that changes on a terminal, a line now and then elsewhere. */

import type { CampaignEvent } from "../campaign.ts";
import { signatureOf } from "../check/signature.ts";
import type { Paint } from "../report/terminal.ts";
import { formatCounts } from "../report/wording.ts";

export interface Progress {
  /** A line that stays. */
  say(text: string): void;
  /** A line that the next one replaces; left out where nobody watches. */
  show(text: string): void;
}

const quiet: Progress = { say: () => {}, show: () => {} };

export function progressTo(stream: NodeJS.WriteStream, silent: boolean): Progress {
  if (silent) return quiet;
  let open = false;
  const clear = () => {
    if (open) stream.write("\r\x1b[2K");
    open = false;
  };
  return {
    say: (text) => {
      clear();
      stream.write(`${text}\n`);
    },
    show: (text) => {
      if (!stream.isTTY) return;
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

/** What a campaign's event says on a terminal. */
export function narrate(event: CampaignEvent, to: Progress): void {
  switch (event.type) {
    case "ran":
      to.show(`  ${formatCounts(event.total)}`);
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
