/** The pass that fills the pool: where a failure needs other requests' cells to be taken, a few long prompts will do. */

import { firstSegment, isCancel, isSend, promptLength, type SendStep, type Step, type Trace } from "../trace/schema.ts";
import { fillersFor, longestFiller } from "./fillers.ts";
import { withoutRequests } from "./remove.ts";
import type { Pass } from "./search.ts";
import { tidy } from "./tidy.ts";

/** Fillers that are tried, most first. */
const FILLERS = [3, 2];
/** Requests that may stay beside the victim: those whose prompts begin as its own does. */
const RELATIVES = 2;
/** So long does a victim answer, in tokens: it reads its cells while they are taken. */
const ANSWER = 64;

/** Whom the fillers are to wrong, and who begins as it does. */
interface Cast {
  readonly victim: SendStep;
  readonly relatives: readonly SendStep[];
}

/** Where the fillers go: before a step of the trace that is left, and after which requests have settled. */
interface Place {
  readonly before: number;
  readonly after: readonly string[];
  /** Whether the steps behind wait for the last filler. */
  readonly awaited: boolean;
}

/**
 * Leaves the victim and a few of its relatives, and puts in the place of all others a few prompts with as many cells, as
 * far as a request may be so long: when the cancels have been, or else before the victim; beside all; before all. Cells
 * that are lost wrong whoever comes next: others who have a cancelled relative are tried in the victim's place.
 * @param wronged the request that was answered wrongly
 * @param contextTokens the longest prompt and answer that a request may have
 */
export function* fillPool(trace: Trace, wronged: string | undefined, contextTokens: number): Pass {
  const sends = trace.steps.filter(isSend);
  for (const { victim, relatives } of castsOf(trace, wronged)) {
    const kept = [victim, ...relatives];
    const others = sends.filter((s) => !kept.includes(s));
    const left = withoutRequests(
      trace,
      others.map((s) => s.send),
    );
    if (left === null) continue;
    const cells = others.reduce((sum, s) => sum + cellsOf(trace, s), 0);
    const places = placesIn(left, victim.send);
    for (const place of victim.send === wronged ? places : places.slice(0, 1)) {
      for (const count of FILLERS) {
        if (kept.length + count >= sends.length) continue;
        const length = Math.min(Math.ceil(cells / count), longestFiller(contextTokens));
        const candidate = filled(left, victim, place, Array<number>(count).fill(length), contextTokens);
        if (yield candidate) return candidate!;
      }
    }
  }
  return trace;
}

const cancelledIn = ({ steps }: Trace): ReadonlySet<string> => new Set(steps.filter(isCancel).map((s) => s.cancel));

/** The victim's, and of each other beginning that a cancelled request has too: the longest answer that is not cancelled. */
function castsOf(trace: Trace, wronged: string | undefined): Cast[] {
  const cancelled = cancelledIn(trace);
  const sends = trace.steps.filter(isSend);
  const seen = sends.filter((s) => s.send === wronged);
  const beginnings = new Set(sends.filter((s) => cancelled.has(s.send)).map(firstSegment));
  const others = [...beginnings].flatMap((beginning) => {
    const alike = sends.filter((s) => !cancelled.has(s.send) && firstSegment(s) === beginning);
    return alike.length === 0 ? [] : alike.reduce((longest, s) => (s.maxTokens >= longest.maxTokens ? s : longest));
  });
  return [...new Set([...seen, ...others])].map((victim) => ({ victim, relatives: relativesOf(trace, victim) }));
}

/** Requests that begin as the victim does: those that are cancelled first, then those sent last before it. */
function relativesOf(trace: Trace, victim: SendStep): SendStep[] {
  const sends = trace.steps.filter(isSend);
  const cancelled = cancelledIn(trace);
  const away = (s: SendStep): number => Math.abs(sends.indexOf(victim) - sends.indexOf(s));
  const rank = (s: SendStep): number => (cancelled.has(s.send) ? 0 : sends.length) + away(s);
  return sends
    .filter((s) => s !== victim && firstSegment(s) === firstSegment(victim))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, RELATIVES);
}

/** When the cancels have been: while the victim answers, or before it is sent. Then beside all, and before all. */
function placesIn(left: Trace, victim: string): Place[] {
  const { steps } = left;
  const cancel = steps.findLastIndex(isCancel);
  const own = steps.findIndex((s) => isSend(s) && s.send === victim);
  const previous = steps.slice(0, own).findLast(isSend);
  const behind: Place[] =
    cancel === -1
      ? [{ before: own, after: previous ? [previous.send] : [], awaited: false }]
      : [...new Set([Math.max(cancel, own) + 1, cancel + 1])].map((before) => ({
          before,
          after: [...cancelledIn(left)],
          awaited: false,
        }));
  return [...behind, { before: 0, after: [], awaited: false }, { before: 0, after: [], awaited: true }];
}

function filled(
  left: Trace,
  victim: SendStep,
  place: Place,
  lengths: readonly number[],
  contextTokens: number,
): Trace | null {
  const { before, after, awaited } = place;
  const at = left.steps[Math.max(0, before - 1)]!.at;
  const { segments, sends } = fillersFor(left, victim, at, lengths);
  const sent: Step[] = [
    ...after.map((id) => ({ at, wait: id })),
    ...sends,
    ...(awaited ? [{ at, wait: sends.at(-1)!.send }] : []),
  ];
  const steps = left.steps.map((s) =>
    isSend(s) && s.send === victim.send ? answeringLong(left, s, contextTokens) : s,
  );
  return tidy({
    ...left,
    ...(left.needs && { needs: { ...left.needs, contextTokens } }),
    segments: { ...left.segments, ...segments },
    steps: [...steps.slice(0, before), ...sent, ...steps.slice(before)],
  });
}

function answeringLong(trace: Trace, step: SendStep, contextTokens: number): SendStep {
  const last = step.prompt.at(-1)!;
  if (!("read" in last) || last.read === "find" || last.read === "dice" || step.embed) return step;
  const readable = last.read === "scan" ? ANSWER : Math.min(last.back, ANSWER);
  const room = contextTokens - promptLength(trace, step.prompt);
  return { ...step, maxTokens: Math.max(step.maxTokens, Math.min(readable, room)) };
}

/** Cells of a request and all its choices. */
const cellsOf = (trace: Trace, { prompt, maxTokens, n = 1 }: SendStep): number =>
  promptLength(trace, prompt) + n * maxTokens;
