/** A flush of engines that refuse it while a request holds cells, a cancelled one for a while too. */

import { setTimeout as delay } from "node:timers/promises";
import { CrosstalkError } from "../../src/errors.ts";
import type { Reply } from "../engine-client.ts";

/** How long a flush may wait for cells that are still held, and how often it is asked for, in milliseconds. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

export interface Flush {
  readonly ask: () => Promise<Reply>;
  /** What a reply says: that it was done, in words, that cells are held (`held`), or that it cannot be done (null). */
  readonly said: (reply: Reply) => string | null;
  readonly readError: (body: string) => string;
  /** How a server must be started to be flushed. */
  readonly advice: string;
}

/** @throws CrosstalkError UNSUPPORTED_BY_TARGET, or FLUSH_REFUSED where cells were held all the time */
export async function flushWhenIdle({ ask, said, readError, advice }: Flush): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const reply = await ask();
    const answer = said(reply);
    if (answer !== null && answer !== "held") return answer;
    if (answer === null || performance.now() > deadline) {
      throw new CrosstalkError(
        answer === null ? "UNSUPPORTED_BY_TARGET" : "FLUSH_REFUSED",
        `the prefix cache was not reset: HTTP ${reply.status}: ${readError(reply.text)}`,
        answer === null
          ? `${advice}, or leave flush steps out of the trace.`
          : "Blocks were held all the time: by requests, if the flush is a step of a trace, or by nobody any more.",
      );
    }
    await delay(POLL_MS);
  }
}
