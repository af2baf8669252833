/**
 * The ordinary load: what a server sees on a quiet day. Chats with a few system prompts, requests at their own times,
 * few cancels, nothing aimed at anything. It is frozen: fault rates in docs/zoo.md are measured with it, and a tester
 * without a plan sends it.
 */

import { seededRandom } from "../random.ts";
import { validateTrace } from "../trace/read.ts";
import { type Step, TRACE_VERSION, type Trace } from "../trace/schema.ts";

/** Requests of one trace. */
export const ORDINARY_REQUESTS = 40;
const SYSTEM_PROMPTS = 6;
/** Mean time between two requests, ms. */
const GAP_MS = 12;
const CANCELLED = 0.02;
const WITH_PENALTY = 0.1;
const WITH_ADAPTER = 0.3;

/**
 * @param seed any whole number
 * @param adapters whether some requests name an adapter
 */
export function ordinaryTrace(seed: number, adapters: boolean): Trace {
  const random = seededRandom(seed);
  const segments: Record<string, { seed: number; family: number; length: number }> = {};
  const segment = (name: string, family: number, least: number, most: number): void => {
    segments[name] = { seed: random.int(0, 0xffff), family, length: random.int(least, most) };
  };
  for (let i = 0; i < SYSTEM_PROMPTS; i++) segment(`P${i}`, 8 * i, 40, 200);
  const steps: Step[] = [];
  let at = 0;
  for (let i = 0; i < ORDINARY_REQUESTS; i++) {
    at += Math.round(-GAP_MS * Math.log(1 - random.next()));
    segment(`U${i}`, random.int(0, 63), 8, 120);
    const dice = random.next() < WITH_PENALTY;
    steps.push({
      at,
      send: `r${i}`,
      prompt: [
        { seg: `P${random.int(0, SYSTEM_PROMPTS - 1)}` },
        { seg: `U${i}` },
        dice ? { read: "dice", ladder: i % 8 } : { read: "scan" },
      ],
      maxTokens: random.int(4, 40),
      ...(dice && random.next() < 0.5 ? { presence: 1.25 } : {}),
      ...(adapters && random.next() < WITH_ADAPTER ? { adapter: random.pick(["a1", "a2"] as const) } : {}),
    });
    if (random.next() < CANCELLED) steps.push({ at, cancel: `r${i}`, afterMs: random.int(0, 60) });
  }
  return validateTrace({ crosstalk: TRACE_VERSION, name: `ordinary ${seed}`, segments, steps });
}
