/** The pass that drops requests and times the others anew: without them what came after comes at another moment. */

import { type Random, seededRandom } from "../random.ts";
import { isSend, type Part, promptLength, type SendStep, type Trace } from "../trace/schema.ts";
import { FEW, lengthened } from "./join.ts";
import { withoutRequests } from "./remove.ts";
import type { Pass } from "./search.ts";
import { tidy } from "./tidy.ts";

/** Draws in a row without a smaller trace before the pass ends. */
const DRAWS = 60;
/** Neighbours that go at once, at most. */
const AT_ONCE = 3;
/** Changes to those that stay, at most. */
const CHANGES = 2;
/** Cells that a request reads at most in the place of a scan. */
const CELLS_READ = 256;

/**
 * Where a failure needs requests to meet at a moment, many others may only put that moment off. A few of them go, and
 * those that stay ask or answer longer, answer shorter, read their cells one by one, wait for one another, come later, or
 * come all at once. The ways are too many to try them all, and more than one of them will do: they are drawn at random.
 * @param contextTokens the longest prompt and answer that a request may have
 */
export function* dropRetimed(trace: Trace, contextTokens: number): Pass {
  const random = seededRandom(trace.steps.length);
  let best = trace;
  for (let draws = 0; draws < DRAWS && best.steps.filter(isSend).length > FEW; draws++) {
    const candidate = retimed(best, random, contextTokens);
    if (!(yield candidate)) continue;
    best = candidate!;
    draws = 0;
  }
  return best;
}

function retimed(trace: Trace, random: Random, contextTokens: number): Trace | null {
  const ids = trace.steps.filter(isSend).map((s) => s.send);
  const first = random.int(0, ids.length - AT_ONCE);
  const gone = ids.slice(first, first + random.int(1, AT_ONCE));
  let left = withoutRequests(trace, gone);
  for (let changes = random.int(1, CHANGES); changes > 0 && left !== null; changes--)
    left = random.pick(RETIMINGS)(left, random, contextTokens);
  return left && tidy(left);
}

type Retiming = (trace: Trace, random: Random, contextTokens: number) => Trace | null;

const allAtOnce: Retiming = (trace) => ({ ...trace, steps: trace.steps.map((s) => ({ ...s, at: 0 })) });

const oneAnswersShorter: Retiming = (trace, random) => {
  const [one, part] = [random.pick(trace.steps.filter(isSend)), random.pick([2, 8])];
  return changeSends(trace, (s) => (s === one ? { ...s, maxTokens: Math.ceil(s.maxTokens / part) } : s));
};

const oneAnswersLonger: Retiming = (trace, random, contextTokens) => {
  const [one, times] = [random.pick(trace.steps.filter(isSend)), random.pick([2, 8])];
  const longer = Math.min(times * one.maxTokens, contextTokens - promptLength(trace, one.prompt));
  return changeSends(trace, (s) => (s === one ? { ...s, maxTokens: Math.max(s.maxTokens, longer) } : s));
};

const oneWaits: Retiming = (trace, random) => {
  const later = random.pick(trace.steps.filter(isSend).slice(1));
  const own = trace.steps.indexOf(later);
  const { send } = random.pick(trace.steps.slice(0, own).filter(isSend));
  return { ...trace, steps: trace.steps.toSpliced(own, 0, { at: later.at, wait: send }) };
};

const oneAsksLonger: Retiming = (trace, random, contextTokens) => {
  const one = random.pick(trace.steps.filter(isSend));
  const room = contextTokens - promptLength(trace, one.prompt) - one.maxTokens;
  return lengthened(trace, one.send, Math.max(0, Math.min(room, random.pick([16, 64, 256]))));
};

const restComesLater: Retiming = (trace, random) => {
  const [first, ms] = [random.int(1, trace.steps.length - 1), random.pick([1, 5, 20, 100])];
  return { ...trace, steps: trace.steps.map((s, i) => (i < first ? s : { ...s, at: s.at + ms })) };
};

/** A scan does not see what nobody ever wrote; a narrow read tells it from its own cells too. */
const oneReadsCells: Retiming = (trace, random, contextTokens) => {
  const one = random.pick(trace.steps.filter(isSend));
  const [read, cells] = [one.prompt.at(-1)!, one.prompt.slice(0, -1)];
  if (!("read" in read) || read.read !== "scan" || one.embed) return null;
  const back = Math.ceil(promptLength(trace, cells) * random.pick([1, 0.5, 0.25]));
  const prompt: Part[] = [...cells, { read: "narrow", back }];
  const maxTokens = Math.min(back, CELLS_READ, contextTokens - promptLength(trace, prompt));
  return changeSends(trace, (s) => (s === one ? { ...s, prompt, maxTokens } : s));
};

const RETIMINGS = [
  allAtOnce,
  oneAnswersShorter,
  oneAnswersLonger,
  oneAsksLonger,
  oneReadsCells,
  oneWaits,
  restComesLater,
];

function changeSends(trace: Trace, change: (step: SendStep) => SendStep): Trace {
  return { ...trace, steps: trace.steps.map((s) => (isSend(s) ? change(s) : s)) };
}
