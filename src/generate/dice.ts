/** Some requests throw dice in place of their read: next to them leaked sampling parameters show. */

import { type Random, seededRandom } from "../random.ts";
import { PENALTIES, type RequestOption } from "../trace/options.ts";
import { isCancel, isSend, penaltiesOf, type SendStep, type Trace } from "../trace/schema.ts";
import { LEAST_LEAD, walk } from "../tracer/dice.ts";
import { LADDERS } from "../tracer/vocabulary.ts";

/** Share of prompts whose requests throw dice. */
const SHARE = 0.12;
/** Nats whose walks differ, and lead in every step of a short answer. */
const PRESENCE = [0.75, 1.25, 1.75] as const;
const FREQUENCY = [1.125, 1.625] as const;
const MOST_BANNED = 4;

/** The same trace with dice, if the target knows parameters that could leak. Requests that were alike stay alike. */
export function withDice(trace: Trace, known: readonly RequestOption[], seed: number): Trace {
  if (!known.some((option) => option === "seed" || isPenalty(option))) return trace;
  const random = seededRandom(seed ^ 0xd1ce);
  const thrown = new Map<string, number | null>();
  const steps = trace.steps.map((step) => {
    if (!isSend(step)) return step;
    const key = `${step.maxTokens} ${JSON.stringify(step.prompt)}`;
    if (!thrown.has(key)) thrown.set(key, random.next() < SHARE ? random.int(0, LADDERS - 1) : null);
    const ladder = thrown.get(key) ?? null;
    return ladder === null
      ? step
      : { ...step, prompt: [...step.prompt.slice(0, -1), { read: "dice" as const, ladder }] };
  });
  return { ...trace, steps };
}

/**
 * The same rows with state that must move with them, where the target knows parameters that could leak. The row that is
 * cancelled has all there are; the last one before the cancel, which takes its place, and all after it throw plain dice;
 * the rest take turns with plain dice, a list of allowed tokens, and everything. Twins stay as they are.
 */
export function withDiceInRows(trace: Trace, known: readonly RequestOption[]): Trace {
  const own = known.includes("presence") ? { presence: PRESENCE[2] } : known.includes("seed") ? { seed: 1 } : null;
  if (own === null) return trace;
  const listed = known.includes("allow") ? { allow: true as const } : {};
  const cancelAt = trace.steps.findIndex(isCancel);
  const cancelled = trace.steps.filter(isCancel).map((s) => s.cancel);
  const prompts = trace.steps.filter(isSend).map((s) => JSON.stringify(s.prompt));
  const isTwin = ({ prompt }: SendStep) => prompts.filter((other) => other === JSON.stringify(prompt)).length > 1;
  const steps = trace.steps.map((step, i) => {
    if (!isSend(step) || isTwin(step)) return step;
    const dice = [...step.prompt.slice(0, -1), { read: "dice" as const, ladder: i % LADDERS }];
    const withAll = { ...step, ...own, ...listed, ...("presence" in own ? { prompt: dice } : {}) };
    if (cancelled.includes(step.send)) return withAll;
    if (i >= cancelAt - 1 || i % 3 === 0) return { ...step, prompt: dice };
    return i % 3 === 1 ? { ...step, ...listed } : withAll;
  });
  return { ...trace, steps };
}

/**
 * The same rows, where the target knows grammars: those of narrow reads are held to them, every second of these by dice
 * that count, and all others to none.
 */
export function withGrammarsInRows(trace: Trace, known: readonly RequestOption[]): Trace {
  if (!known.includes("grammar")) return trace;
  let held = 0;
  const steps = trace.steps.map((step) => {
    const last = isSend(step) ? step.prompt.at(-1)! : undefined;
    if (!isSend(step) || last === undefined || !("read" in last) || last.read !== "narrow") return step;
    const dice = { read: "dice" as const, ladder: held % LADDERS };
    const prompt = held++ % 2 === 0 ? step.prompt : [...step.prompt.slice(0, -1), dice];
    return { ...step, prompt, grammar: true as const };
  });
  return { ...trace, steps };
}

/** Whether penalties move the answer of this request in a way that is known. */
export function mayBePenalised({ prompt }: SendStep): boolean {
  const [first, last] = [prompt[0]!, prompt.at(-1)!];
  return "read" in last && last.read === "dice" && !("nonce" in first);
}

/** Whether its walk has no step that rounding could change. */
export function leads(step: SendStep): boolean {
  return walk(penaltiesOf(step), step.maxTokens).lead >= LEAST_LEAD;
}

export const isPenalty = (option: RequestOption): boolean => PENALTIES.some((penalty) => penalty === option);

export const penaltyValues = (random: Random) => ({
  presence: () => random.pick(PRESENCE),
  frequency: () => random.pick(FREQUENCY),
  ban: () => random.int(1, MOST_BANNED),
});
