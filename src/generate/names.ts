/** What a client calls its requests: ids that it gives again, and conversations that requests are turns of. */

import { seededRandom } from "../random.ts";
import { firstSegment, isCancel, isSend, type SendStep, type Trace } from "../trace/schema.ts";

/** Share of traces that have such names. */
const NAMED = 1 / 3;
/** Share of cancelled requests whose id comes again, and how many of the next requests have it. */
const RENAMED = 0.7;
const MOST_NAMESAKES = 3;
/** Share of the prompts with a common first segment that are turns of one conversation. */
const TURNS = 0.8;

/**
 * A client that retries gives the new request the old id: those that are sent after a cancelled one have its id, whether the
 * engine has seen the cancel or not. From a seed of its own, as are sessions: all else stays as it is.
 */
export function withRequestIds(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0x1d5);
  if (random.next() >= NAMED) return trace;
  const cancelled = new Set(trace.steps.filter(isCancel).map(({ cancel }) => cancel));
  const sends = trace.steps.filter(isSend);
  const ids = new Map<string, string>();
  for (const [i, { send }] of sends.entries()) {
    if (!cancelled.has(send) || ids.has(send) || random.next() >= RENAMED) continue;
    const namesakes = sends.slice(i, i + 1 + random.int(1, MOST_NAMESAKES));
    for (const { send: other } of namesakes) ids.set(other, `id${i + 1}`);
  }
  return named(trace, ({ send }) => ({ requestId: ids.get(send) }));
}

/**
 * Requests whose prompts begin with the same segment are turns of one session: some go on from the one before, others part
 * from it earlier, some are cancelled or come at the same time.
 */
export function withSessions(trace: Trace, seed: number): Trace {
  const random = seededRandom(seed ^ 0x5e55);
  if (random.next() >= NAMED) return trace;
  const sends = trace.steps.filter(isSend);
  const firsts = sends.map(firstSegment);
  const sessions = new Map<string | undefined, string>();
  for (const [i, first] of firsts.entries()) {
    if (sessions.has(first) || firsts.lastIndexOf(first) === i) continue;
    sessions.set(first, `c${sessions.size + 1}`);
  }
  return named(trace, (step) => ({
    session: random.next() < TURNS ? sessions.get(firstSegment(step)) : undefined,
  }));
}

function named(trace: Trace, names: (step: SendStep) => Pick<SendStep, "requestId" | "session">): Trace {
  const steps = trace.steps.map((step) => {
    if (!isSend(step)) return step;
    const given = Object.entries(names(step)).filter(([, name]) => name !== undefined);
    return { ...step, ...Object.fromEntries(given) };
  });
  return { ...trace, steps };
}
