/** Traces for the lab's own tests: hostile on purpose, the same for the same seed. */

import { seededRandom } from "../../random.ts";
import { validateTrace } from "../../trace/read.ts";
import {
  isSend,
  type Part,
  promptLength,
  type SendStep,
  type Step,
  TRACE_VERSION,
  type Trace,
} from "../../trace/schema.ts";
import { FAMILIES, LADDERS } from "../../tracer/vocabulary.ts";

export interface RandomTraceOptions {
  readonly requests?: number;
  /** Share of requests that are cancelled. */
  readonly cancels?: number;
  /** Longest segment, in cells; a prompt has one or two. */
  readonly segment?: number;
  /** Milliseconds between two sends at most. */
  readonly gapMs?: number;
  /** Longest answer. */
  readonly maxTokens?: number;
  /** Segments to choose from: the fewer, the more prompts share a prefix. */
  readonly segments?: number;
  /** Latest timed cancel, in milliseconds after its request. */
  readonly cancelMs?: number;
}

/**
 * Prompts that share prefixes now and then, scans and narrow reads, earlier turns with their answers, nonces and
 * branches, cancels of every kind, a wait and a flush.
 */
export function randomTrace(seed: number, options: RandomTraceOptions = {}): Trace {
  const { requests = 20, cancels = 0.3, segment = 220, gapMs = 8, maxTokens = 24, cancelMs = 40 } = options;
  const count = options.segments ?? Math.max(4, Math.ceil(requests / 2));
  const random = seededRandom(seed);
  const segments: Record<string, { seed: number; family: number; length: number }> = {};
  for (let i = 0; i < count; i++) {
    segments[`S${i}`] = {
      seed: random.int(0, 0xffff),
      family: random.int(0, FAMILIES - 1),
      length: random.int(20, segment),
    };
  }
  const names = Object.keys(segments);
  const steps: Step[] = [];
  let at = 0;
  for (let i = 0; i < requests; i++) {
    at += random.int(0, gapMs * 10) / 10;
    const cells = Array.from({ length: random.int(1, 2) }, (): Part => {
      const seg = random.pick(names);
      return random.next() < 0.3 ? { seg, to: random.int(1, segments[seg]!.length) } : { seg };
    });
    // One nonce for each first segment, so that shared prefixes stay shared.
    if (random.next() < 0.4) {
      cells.unshift({ nonce: names.indexOf((cells[0] as { seg: string }).seg) });
      if (cells.length > 2 && random.next() < 0.5) cells.splice(2, 0, { branch: i % 16 });
    }
    if (random.next() < 0.3) {
      const back = random.int(1, promptLength({ segments }, cells));
      const earlier: Part = random.next() < 0.5 ? { read: "scan" } : { read: "narrow", back };
      cells.push(earlier, { answer: random.int(1, Math.min(back, 8)) }, { seg: random.pick(names), to: 8 });
    }
    const payload = promptLength({ segments }, cells);
    const back = random.int(1, payload);
    const narrow = random.next() < 0.5;
    const send = `r${i}`;
    steps.push({
      at,
      send,
      prompt: [...cells, narrow ? { read: "narrow", back } : { read: "scan" }],
      maxTokens: Math.min(random.int(1, maxTokens), narrow ? back : maxTokens),
      ...(random.next() < 0.1 ? { cache: false } : {}),
    });
    if (random.next() < cancels) {
      const kind = random.int(0, 2);
      const when =
        kind === 0
          ? {}
          : kind === 1
            ? { afterMs: random.int(0, cancelMs * 10) / 10 }
            : { afterTokens: random.int(1, maxTokens) };
      steps.push({ at, cancel: send, ...when });
    }
    if (random.next() < 0.05) steps.push({ at, wait: `r${random.int(0, i)}` });
    if (random.next() < 0.03) steps.push({ at, flush: true });
  }
  return validateTrace({ crosstalk: TRACE_VERSION, name: `random ${seed}`, segments, steps });
}

/** The same traffic, half of it held to grammars, of which every second has dice count. */
export function withGrammars(trace: Trace): Trace {
  const steps = trace.steps.map((step, i): Step => {
    if (!isSend(step) || i % 2 === 0) return step;
    const dice: Part = { read: "dice", ladder: i % LADDERS };
    return { ...step, grammar: true, ...(i % 4 === 1 ? { prompt: [...step.prompt.slice(0, -1), dice] } : {}) };
  });
  return validateTrace({ ...trace, steps });
}

/** The same traffic, two of three requests with two to four choices. */
export function withChoices(trace: Trace): Trace {
  const steps = trace.steps.map((step, i) =>
    isSend(step) && i % 3 > 0 ? { ...step, n: 2 + (i % 4 === 3 ? 2 : i % 2) } : step,
  );
  return validateTrace({ ...trace, steps });
}

/** The same traffic, two of three requests for embeddings; some of them with a salt or with a priority. */
export function withEmbeddings(trace: Trace): Trace {
  const steps = trace.steps.map((step, i): Step => {
    if (!isSend(step) || i % 3 === 0) return step;
    const beside = { ...(i % 5 === 0 ? { salt: "s1" } : {}), ...(i % 7 === 0 ? { priority: (i % 3) - 1 } : {}) };
    return { ...step, maxTokens: 1, embed: true, ...beside };
  });
  return validateTrace({ ...trace, steps });
}

/**
 * The same traffic as turns of three conversations. Every second turn goes on from one before it, with that one's answer or
 * the beginning of it, where there is room.
 * @param most prompt and answer together
 */
export function withSessions(trace: Trace, most: number): Trace {
  const turns = new Map<string, SendStep>();
  const steps = trace.steps.map((step, i): Step => {
    if (!isSend(step)) return step;
    const first = step.prompt.find((part) => "seg" in part)!;
    const session = `c${Object.keys(trace.segments).indexOf(first.seg) % 3}`;
    const before = turns.get(session);
    const said = before && { answer: i % 3 === 0 ? 1 : before.maxTokens };
    const more = step.prompt.filter((part) => !("nonce" in part || "branch" in part));
    const mayGoOn = i % 2 === 0 && step.presence === undefined;
    const prompt = before && said && mayGoOn ? [...before.prompt, said, ...more] : step.prompt;
    const fits = promptLength(trace, prompt) + step.maxTokens <= most;
    const turn = { ...step, session, prompt: fits ? prompt : step.prompt };
    turns.set(session, turn);
    return turn;
  });
  return validateTrace({ ...trace, steps });
}

/** The same traffic under three ids of the client's: later requests and such at the same time have the same. */
export function withRequestIds(trace: Trace): Trace {
  const steps = trace.steps.map((step, i) => (isSend(step) && i % 4 > 0 ? { ...step, requestId: `id${i % 3}` } : step));
  return validateTrace({ ...trace, steps });
}

/**
 * The same traffic, by turns throwing dice, sampling with a seed, and throwing dice with a presence penalty; some of it
 * with a salt, with its own answer's tokens allowed only, or with a priority.
 */
export function withParameters(trace: Trace): Trace {
  const steps = trace.steps.map((step, i): Step => {
    if (!isSend(step)) return step;
    const asked = {
      ...step,
      ...(i % 4 === 0 ? { allow: true as const } : {}),
      ...(i % 5 === 0 ? { salt: "s1" } : {}),
      ...(i % 7 === 0 ? { priority: (i % 3) - 1 } : {}),
    };
    if (i % 3 === 1) return { ...asked, seed: i };
    const [first] = step.prompt;
    const prompt: Part[] = [...step.prompt.slice(0, -1), { read: "dice", ladder: i % LADDERS }];
    return { ...asked, prompt, ...(i % 3 === 2 && !("nonce" in first!) ? { presence: 1.25 } : {}) };
  });
  return validateTrace({ ...trace, steps });
}
