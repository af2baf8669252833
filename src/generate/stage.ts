/** From scenes to a trace: names, families, seeds and times. */

import { seededRandom } from "../random.ts";
import {
  isCancel,
  isSend,
  type Part,
  promptLength,
  type Segment,
  type SendStep,
  type Step,
  TRACE_VERSION,
  type Trace,
} from "../trace/schema.ts";
import { NARROW_TOKENS } from "../tracer/read-tokens.ts";
import { type Aim, aimed } from "./aim.ts";
import { FamilyPlan } from "./families.ts";
import { cellsPerRequest, type TraceLimits } from "./limits.ts";
import type { Scene } from "./scene.ts";
import type { CancelMoment } from "./timing.ts";

/** A scene and when it begins. */
export interface Act {
  readonly scene: Scene;
  /** Begins while the scene before it is still at work, or after it. */
  readonly overlaps: boolean;
  /** How long after, as a multiple of the time that the scene before needs; small numbers let scenes run into each other. */
  readonly pause: number;
}

/** An earlier prompt, asked again at the end: what was stored wrongly is wrong for everyone who comes later. */
export interface Revisit {
  /** Which of the earlier requests, as a share of them. */
  readonly which: number;
  readonly gap: number;
  readonly aim: Aim;
}

/** A cancel of any request, beside those that its pattern planned. */
export interface Sprinkle {
  /** Which of the requests, as a share of them. */
  readonly which: number;
  readonly moment: CancelMoment;
}

export interface Script {
  readonly name: string;
  readonly acts: readonly Act[];
  readonly sprinkles: readonly Sprinkle[];
  readonly revisits: readonly Revisit[];
  /** Empties the caches before the revisits. */
  readonly flush: boolean;
  /** Decides payloads, and families where several fit equally well. */
  readonly seed: number;
}

/** A decode step of a small engine, ms: only for spreading scenes over time, nothing depends on it. */
const ROUGH_STEP_MS = 2.5;

/** Scenes side by side and one after the other, then the revisits. */
export function stage(script: Script, limits: TraceLimits): Trace {
  const families = new FamilyPlan(script.seed);
  const random = seededRandom(script.seed ^ 0x5eed);
  const segments: Record<string, Segment> = {};
  const steps: Step[] = [];
  let start = 0;
  let end = 0;
  for (const [i, { scene, overlaps, pause }] of script.acts.entries()) {
    const before = start;
    const pauseMs = Math.round(pause * roughDuration(script.acts[i - 1]?.scene, limits));
    start = overlaps ? before + Math.min(pauseMs, end - before) : end + pauseMs;
    const ids = Object.keys(scene.segments);
    const seats = families.seat(ids.map((id) => scene.segments[id]!.spot));
    for (const [s, id] of ids.entries()) {
      const { spot: _, ...segment } = scene.segments[id]!;
      segments[scoped(i, id)] = { seed: random.int(0, 0xffffffff), family: seats[s]!, ...segment };
    }
    for (const step of scene.steps) steps.push(renamed({ ...step, at: start + step.at }, (id) => scoped(i, id)));
    end = Math.max(end, start + (scene.steps.at(-1)?.at ?? 0));
  }
  const last = script.acts.at(-1)?.scene;
  const trace = withRevisits(
    script,
    sprinkled(script, inOrder(steps)),
    segments,
    end + Math.round(roughDuration(last, limits) / 2),
    limits,
  );
  return shortNames(script.name, trace, segments, limits);
}

/** Requests that a script sends. */
export function requestsIn(scene: Scene): number {
  return scene.steps.filter(isSend).length;
}

/** Sorting is stable: what one scene has in order at one moment stays in order. */
function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((a, b) => a.at - b.at);
}

/** With the sprinkled cancels. Twins keep theirs: of each burst two at least must finish. */
function sprinkled({ acts, sprinkles }: Script, steps: readonly Step[]): Step[] {
  const taken = new Set(steps.flatMap((s) => (isCancel(s) ? s.cancel : [])));
  for (const [i, { scene }] of acts.entries()) {
    if (scene.pattern === "twins") for (const s of scene.steps.filter(isSend)) taken.add(scoped(i, s.send));
  }
  const free = steps.filter(isSend).filter((s) => !taken.has(s.send));
  const moments = new Map<string, CancelMoment>();
  for (const { which, moment } of sprinkles) {
    const chosen = free[Math.floor(which * free.length)];
    if (chosen) moments.set(chosen.send, moment);
  }
  return steps.flatMap((step): Step[] => {
    const moment = isSend(step) ? moments.get(step.send) : undefined;
    return isSend(step) && moment ? [step, { at: step.at, cancel: step.send, ...moment }] : [step];
  });
}

/** About how long a small engine works on a scene, ms. */
function roughDuration(scene: Scene | undefined, limits: TraceLimits): number {
  const sends = scene?.steps.filter(isSend) ?? [];
  const tokens = sends.reduce((sum, s) => sum + s.maxTokens, 0);
  return 10 + (ROUGH_STEP_MS * tokens) / Math.max(1, Math.min(limits.maxRunning, sends.length));
}

function withRevisits(
  { revisits, flush }: Script,
  steps: readonly Step[],
  segments: Trace["segments"],
  start: number,
  limits: TraceLimits,
): Step[] {
  const all = [...steps];
  const earlier = steps.filter(isSend);
  if (flush) {
    // Engines refuse to empty a cache that running requests use: everyone settles first.
    for (const { send } of earlier) all.push({ at: start, wait: send });
    all.push({ at: start, flush: true });
  }
  let at = start;
  for (const [i, { which, gap, aim }] of revisits.entries()) {
    const like = earlier[Math.min(earlier.length - 1, Math.floor(which * earlier.length))];
    if (!like) break;
    at += gap;
    all.push(revisit(like, `revisit.${i}`, at, aim, segments, limits));
  }
  return all;
}

function revisit(
  like: SendStep,
  send: string,
  at: number,
  aim: Aim,
  segments: Trace["segments"],
  limits: TraceLimits,
): SendStep {
  const cells = like.prompt.slice(0, -1);
  const payload = promptLength({ segments }, cells);
  const boundary = payload - promptLength({ segments }, cells.slice(-1));
  const room = cellsPerRequest(limits) - payload - NARROW_TOKENS;
  const { read, maxTokens } = aimed(aim, payload, boundary, Math.max(16, limits.blockSize), room);
  return { at, send, prompt: [...cells, read], maxTokens };
}

function scoped(act: number, id: string): string {
  return `s${act}.${id}`;
}

function renamed(step: Step, rename: (id: string) => string, renameSegment = rename): Step {
  if (isSend(step)) {
    const prompt = step.prompt.map((p): Part => ("seg" in p ? { ...p, seg: renameSegment(p.seg) } : p));
    return { ...step, send: rename(step.send), prompt };
  }
  if (isCancel(step)) return { ...step, cancel: rename(step.cancel) };
  return "wait" in step ? { ...step, wait: rename(step.wait) } : step;
}

/** Names as a person likes them: segments A, B, ... and requests r1, r2, ..., each in order of first use. */
function shortNames(name: string, steps: readonly Step[], segments: Trace["segments"], limits: TraceLimits): Trace {
  const letters = new Map<string, string>();
  const numbers = new Map<string, string>();
  for (const step of steps.filter(isSend)) {
    numbers.set(step.send, `r${numbers.size + 1}`);
    for (const p of step.prompt) {
      if ("seg" in p && !letters.has(p.seg)) letters.set(p.seg, letter(letters.size));
    }
  }
  const sends = steps.filter(isSend);
  const longest = Math.max(...sends.map((s) => promptLength({ segments }, s.prompt) + s.maxTokens));
  return {
    crosstalk: TRACE_VERSION,
    name,
    needs: { topology: limits.topology, blockSize: limits.blockSize, contextTokens: longest },
    toleranceMs: limits.toleranceMs,
    segments: Object.fromEntries([...letters].map(([id, short]) => [short, segments[id]!])),
    steps: steps.map((step) =>
      renamed(
        step,
        (id) => numbers.get(id)!,
        (id) => letters.get(id)!,
      ),
    ),
  };
}

/** A .. Z, AA .. ZZ. */
function letter(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letter(Math.floor(index / 26) - 1) + last;
}
