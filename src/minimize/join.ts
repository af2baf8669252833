/** The pass that joins requests: where a failure needs a full pool, few long prompts fill it as well as many short ones. */

import { isSend, type Part, promptLength, type Segment, type SendStep, type Trace } from "../trace/schema.ts";
import { freshSeed } from "./fillers.ts";
import { withoutRequests } from "./remove.ts";
import { type Pass, removeItems } from "./search.ts";
import { tidy } from "./tidy.ts";

/** So few requests are a small repro: longer prompts would make it no easier to read. */
export const FEW = 4;

/**
 * Takes requests out and lets others, the nearest in the trace, have as many cells more.
 * @param kept requests that stay as they are
 * @param contextTokens the longest prompt and answer that a request may have
 */
export function* joinRequests(trace: Trace, kept: readonly string[], contextTokens: number): Pass {
  const joinable = (t: Trace) => {
    const sends = t.steps.filter(isSend);
    return sends.length > FEW ? sends.map((s) => s.send).filter((id) => !kept.includes(id)) : [];
  };
  return yield* removeItems(trace, joinable, (t, gone) => joined(t, gone, kept, contextTokens));
}

function joined(trace: Trace, gone: readonly string[], kept: readonly string[], contextTokens: number): Trace | null {
  const sends = trace.steps.filter(isSend);
  const hosts = sends.filter((s) => !gone.includes(s.send) && !kept.includes(s.send));
  const room = new Map(hosts.map((s) => [s.send, Math.max(0, contextTokens - cellsOf(trace, s))]));
  const added = new Map<string, number>();
  for (const guest of sends.filter((s) => gone.includes(s.send))) {
    let left = cellsOf(trace, guest);
    const away = (host: SendStep) => Math.abs(sends.indexOf(host) - sends.indexOf(guest));
    const near = hosts.toSorted((a, b) => away(a) - away(b));
    for (const { send } of near) {
      const cells = Math.min(left, room.get(send)!);
      room.set(send, room.get(send)! - cells);
      added.set(send, (added.get(send) ?? 0) + cells);
      left -= cells;
    }
    if (left > 0) return null;
  }
  let longer: Trace | null = withoutRequests(trace, gone);
  for (const [id, cells] of added) if (longer !== null && cells > 0) longer = lengthened(longer, id, cells);
  return longer && tidy(longer);
}

const cellsOf = (trace: Trace, step: SendStep): number => promptLength(trace, step.prompt) + step.maxTokens;

/** Cells of a segment of the request's own, before its last read. They have the digits of the cells before them. */
export function lengthened(trace: Trace, id: string, cells: number): Trace | null {
  const step = trace.steps.filter(isSend).find((s) => s.send === id)!;
  const last = step.prompt.findLast((part) => "seg" in part);
  if (last === undefined) return null;
  const name = freshName(trace);
  const { family } = trace.segments[last.seg]!;
  const seed = freshSeed(trace);
  const segment: Segment = { seed, family, length: cells };
  const prompt: Part[] = [...step.prompt.slice(0, -1), { seg: name }, step.prompt.at(-1)!];
  const contextTokens = Math.max(trace.needs?.contextTokens ?? 0, cellsOf(trace, step) + cells);
  return {
    ...trace,
    ...(trace.needs && { needs: { ...trace.needs, contextTokens } }),
    segments: { ...trace.segments, [name]: segment },
    steps: trace.steps.map((s) => (s === step ? { ...step, prompt } : s)),
  };
}

function freshName(trace: Trace): string {
  for (let i = 1; ; i++) if (!(`J${i}` in trace.segments)) return `J${i}`;
}
