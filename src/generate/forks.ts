/**
 * Sessions that part from themselves, at the end of a trace: two conversations side by side, each of which has a first turn
 * whose answer ends with a block, then a turn that takes back the end of that answer, sometimes cancelled and asked again,
 * and a stranger that goes on from the whole of it. What a session keeps wrongly of a turn that it rewinds shows in one of
 * the two that follow.
 */

import { type Random, seededRandom } from "../random.ts";
import { isSend, type Part, promptLength, type SendStep, type Step, type Trace } from "../trace/schema.ts";
import { cellsPerRequest, LEAST_ANSWER, type TraceLimits } from "./limits.ts";

/** Share of traces that have them. */
const FORKED = 1 / 3;
/** Share of second turns that are cancelled at first. */
const GIVEN_UP = 0.5;
const CONVERSATIONS = ["f1", "f2"] as const;

const SCAN: Part = { read: "scan" };

/** A conversation of three turns: what goes on from where. */
interface Conversation {
  readonly session: string;
  readonly opening: SendStep;
  readonly parting: SendStep;
  readonly fork: SendStep;
}

/** From a seed of its own: what stands before it stays as it is. */
export function withForks(trace: Trace, limits: TraceLimits, seed: number): Trace {
  const random = seededRandom(seed ^ 0xf04c);
  if (!limits.options.includes("session") || limits.window !== null || random.next() >= FORKED) return trace;
  const talks = CONVERSATIONS.flatMap((session) => conversation(trace, limits, random, session) ?? []);
  if (talks.length === 0) return trace;
  let at = trace.steps.at(-1)!.at + random.int(0, 20);
  const steps: Step[] = talks.map(({ opening }) => ({ ...opening, at }));
  for (const { opening } of talks) steps.push({ at, wait: opening.send });
  at += random.int(0, 3);
  for (const { parting, session } of talks) {
    if (random.next() < GIVEN_UP) {
      const send = `${parting.send}x`;
      steps.push({ ...parting, at, send }, { at, cancel: send, afterMs: random.int(0, 8) });
      at += random.int(0, 10);
    }
    steps.push({ ...parting, at, session });
  }
  for (const { parting } of talks) steps.push({ at, wait: parting.send });
  for (const { fork } of talks) steps.push({ ...fork, at });
  const longest = Math.max(...steps.filter(isSend).map((step) => promptLength(trace, step.prompt) + step.maxTokens));
  const needs = { ...trace.needs, contextTokens: Math.max(trace.needs?.contextTokens ?? 0, longest) };
  return { ...trace, needs, steps: [...trace.steps, ...steps] };
}

/** Null where no prompt of the trace leaves room for its turns. */
function conversation(trace: Trace, limits: TraceLimits, random: Random, session: string): Conversation | null {
  const room = cellsPerRequest(limits);
  const openings = trace.steps.filter(isSend).flatMap(({ prompt }) => {
    const asked = [...prompt.slice(0, -1), SCAN];
    const cells = promptLength(trace, asked);
    const answer = toBlockEnd(cells, limits.blockSize);
    return cells + answer + 2 + LEAST_ANSWER <= room
      ? [{ asked, answer, left: room - cells - answer - 1 - LEAST_ANSWER }]
      : [];
  });
  if (openings.length === 0) return null;
  const { asked, answer, left } = random.pick(openings);
  const piece = (): Part => {
    const [seg, { length }] = random.pick(Object.entries(trace.segments));
    return { seg, to: random.int(1, Math.min(length, left)) };
  };
  const turn = (name: string, prompt: readonly Part[], maxTokens: number): SendStep => ({
    at: 0,
    send: `${session}.${name}`,
    prompt: [...prompt],
    maxTokens,
  });
  const kept = random.next() < 0.5 ? answer - 1 : random.int(1, answer - 1);
  return {
    session,
    opening: { ...turn("opening", asked, answer), session },
    parting: { ...turn("parting", [...asked, { answer: kept }, piece(), SCAN], LEAST_ANSWER), session },
    fork: turn("fork", [...asked, { answer }, piece(), SCAN], LEAST_ANSWER),
  };
}

/** Tokens, two at least, with which an answer to a prompt of so many ends where a block does. */
function toBlockEnd(cells: number, blockSize: number): number {
  const missing = blockSize - (cells % blockSize);
  return missing >= 2 ? missing : missing + Math.max(1, blockSize);
}
