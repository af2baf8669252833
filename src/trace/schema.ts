/** Trace v1: what to send and when. The trace is the test case. */

import { z } from "zod";
import { ADAPTERS, type AdapterName } from "../tracer/adapter.ts";
import { LEAST_LEAD, type Penalties, walk } from "../tracer/dice.ts";
import { FIND_TOKENS, NARROW_TOKENS } from "../tracer/read-tokens.ts";
import {
  BRANCHES,
  digitsOf,
  FAMILIES,
  isPayload,
  LADDERS,
  MAX_BACK,
  MAX_DISTINCT,
  NONCES,
  RUNGS,
  TURNS,
} from "../tracer/vocabulary.ts";
import { OPTIONS, type RequestOption } from "./option-names.ts";
import { placesOf, writeOut } from "./write-out.ts";

export const TRACE_VERSION = "crosstalk-trace/1";
/** Longest answer, in tokens. */
export const MAX_ANSWER = 4096;
/** Most answers to one request. */
export const MAX_CHOICES = 4;
/** Longest answer under a grammar, in tokens: engines compile a state for each character of its sentences. */
export const MAX_SENTENCE = 256;

const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/, "a name starts with a letter, at most 32 letters, digits, _ . -");
const milliseconds = z.number().nonnegative().max(3_600_000);
const tokens = z.int().nonnegative().max(131_072);

/** A seeded run of payload tokens of one digit family. */
const segment = z.strictObject({
  seed: z.int().nonnegative().max(0xffffffff),
  family: z
    .int()
    .nonnegative()
    .max(FAMILIES - 1),
  length: tokens.min(1),
  /** No two cells share their first two digits, so that a find read can name each; the family is the third digit's. */
  distinct: z.literal(true).optional(),
});

const back = z.int().min(1).max(MAX_BACK);

/** A piece of a prompt. */
const part = z.union([
  /** Cells `from` (included) to `to` (excluded) of a segment. */
  z.strictObject({ seg: name, from: tokens.optional(), to: tokens.optional() }),
  z.strictObject({ read: z.enum(["narrow", "find"]), back }),
  z.strictObject({ read: z.literal("scan") }),
  /** Answered from one of the ladders; see `dice.ts`. */
  z.strictObject({
    read: z.literal("dice"),
    ladder: z
      .int()
      .min(0)
      .max(LADDERS - 1),
  }),
  /** The first tokens of the right answer to the read before it. */
  z.strictObject({ answer: z.int().min(1).max(MAX_ANSWER) }),
  z.strictObject({
    nonce: z
      .int()
      .min(0)
      .max(NONCES - 1),
  }),
  z.strictObject({
    branch: z
      .int()
      .min(0)
      .max(BRANCHES - 1),
  }),
]);

/** Nats; engines take no more. */
const penalty = z.number().positive().max(2);

const at = { at: milliseconds };
const send = z.strictObject({
  ...at,
  send: name,
  /** Segments, reads and answers of earlier turns; a read comes last. */
  prompt: z.array(part).min(2),
  maxTokens: z.int().min(1).max(MAX_ANSWER),
  /** `false` asks the engine neither to read nor to keep cached cells for this request. */
  cache: z.boolean().optional(),
  /** Options that only some engines know; see `options.ts`. */
  seed: z.int().nonnegative().max(0xffffffff).optional(),
  logprobs: z.int().min(0).max(20).optional(),
  stop: z.literal(true).optional(),
  allow: z.literal(true).optional(),
  avoid: z.literal(true).optional(),
  priority: z.int().min(-1000).max(1000).optional(),
  salt: name.optional(),
  /** The LoRA adapter that computes it, or the base model, by name. It changes the right answer, unlike the others. */
  adapter: z.enum([...ADAPTERS, "base"]).optional(),
  presence: penalty.optional(),
  frequency: penalty.optional(),
  ban: z
    .int()
    .min(1)
    .max(RUNGS - 1)
    .optional(),
  /** So many answers to the one prompt, all of them the same. */
  n: z.int().min(2).max(MAX_CHOICES).optional(),
  /** The answer must be a sentence of a grammar; see `options.ts`. Of dice it changes the right answer. */
  grammar: z.literal(true).optional(),
  /** The id that the engine is to know it by: others of the trace may have the same, before it or at the same time. */
  requestId: name.optional(),
  /** The conversation that it is a turn of: the engine may keep its cells for the next turn. */
  session: name.optional(),
  /** An embedding of the prompt in the place of an answer: it is read as the one token that it stands for. */
  embed: z.literal(true).optional(),
});
const cancel = z.strictObject({
  ...at,
  cancel: name,
  /** Wait for this many milliseconds after the request was sent, or for this many generated tokens. */
  afterMs: milliseconds.optional(),
  afterTokens: z.int().min(1).optional(),
});
const wait = z.strictObject({ ...at, wait: name });
const flush = z.strictObject({ ...at, flush: z.literal(true) });
const fault = z.strictObject({
  ...at,
  fault: z.enum(["pause", "throttle", "kill"]),
  /** How long a pause or throttle lasts; to the run's end where it is left out. */
  forMs: milliseconds.optional(),
  /** Share of one core that a throttled server gets. */
  share: z.number().min(0.01).max(0.99).optional(),
});
const step = z.union([send, cancel, wait, flush, fault]);

const shape = z.strictObject({
  crosstalk: z.literal(TRACE_VERSION),
  name: z.string().min(1).max(200),
  /** What the trace needs of the target; a target that differs says so before it runs. */
  needs: z
    .strictObject({
      topology: z.enum(["single", "pd"]).optional(),
      blockSize: z.int().min(1).optional(),
      contextTokens: tokens.optional(),
    })
    .optional(),
  /** How late a step may fire before the run says nothing (inconclusive). */
  toleranceMs: milliseconds.optional(),
  segments: z.record(name, segment),
  steps: z.array(step).min(1),
});

export type Trace = z.infer<typeof shape>;
export type Segment = z.infer<typeof segment>;
export type Part = z.infer<typeof part>;
export type Step = z.infer<typeof step>;
export type SendStep = z.infer<typeof send>;
export type CancelStep = z.infer<typeof cancel>;
export type FaultStep = z.infer<typeof fault>;

export const isSend = (s: Step): s is SendStep => "send" in s;
export function penaltiesOf({ presence = 0, frequency = 0, ban = 0, grammar }: SendStep): Penalties {
  const banned = Array.from({ length: ban }, (_, rung) => rung);
  return { presence, frequency, banned, ...(grammar ? { counts: true } : {}) };
}

export const isCancel = (s: Step): s is CancelStep => "cancel" in s;

const READ_TOKENS = { scan: 1, dice: 1, narrow: NARROW_TOKENS, find: FIND_TOKENS } as const;

interface WithSegments {
  readonly segments: Readonly<Record<string, Pick<Segment, "length">>>;
}

/** The adapter that computes a request; null for the base model, named or not. */
export function adapterOf({ adapter }: Pick<SendStep, "adapter">): AdapterName | null {
  return adapter === undefined || adapter === "base" ? null : adapter;
}

/** The segment that a prompt's payload begins with; undefined where it has none. */
export function firstSegment({ prompt }: Pick<SendStep, "prompt">): string | undefined {
  return prompt.find((part) => "seg" in part)?.seg;
}

/** Tokens that a part adds to a prompt. */
export function partLength(trace: WithSegments, p: Part): number {
  if ("read" in p) return READ_TOKENS[p.read];
  if ("answer" in p) return p.answer;
  if ("seg" in p) return (p.to ?? trace.segments[p.seg]?.length ?? 0) - (p.from ?? 0);
  return 1;
}

/** Tokens in a prompt, its reads included. */
export function promptLength(trace: WithSegments, prompt: readonly Part[]): number {
  return prompt.reduce((sum, p) => sum + partLength(trace, p), 0);
}

/** The schema with the rules that span fields. */
export const traceSchema = shape.superRefine((trace, context) => {
  const sent = new Set<string>();
  const issue: Issue = (message, ...path) => context.addIssue({ code: "custom", message, path });
  for (const [id, s] of Object.entries(trace.segments)) {
    if (s.distinct && s.length > MAX_DISTINCT)
      issue(`at most ${MAX_DISTINCT} cells can be distinct, not ${s.length}`, "segments", id, "length");
  }
  for (const [i, s] of trace.steps.entries()) {
    const previous = trace.steps[i - 1];
    if (previous && previous.at > s.at)
      issue(`steps are in order of time: ${s.at} ms comes after ${previous.at} ms`, "steps", i, "at");
    if (isSend(s)) {
      if (sent.has(s.send)) issue(`request ${s.send} is sent twice`, "steps", i, "send");
      sent.add(s.send);
      const wrong = wrongPart(trace, s) ?? wrongPenalty(s) ?? wrongGrammar(s) ?? wrongEmbedding(s);
      if (wrong) issue(wrong.message, "steps", i, ...wrong.path);
    } else if ("fault" in s) {
      if ((s.fault === "throttle") !== (s.share !== undefined))
        issue("a throttle, and nothing else, says which share of a core is left", "steps", i, "share");
      if (s.fault === "kill" && s.forMs !== undefined) issue("a kill has no end", "steps", i, "forMs");
    } else if ("cancel" in s || "wait" in s) {
      const id = "cancel" in s ? s.cancel : s.wait;
      if (!sent.has(id)) issue(`no request ${id} was sent before this step`, "steps", i);
      if ("cancel" in s && s.afterMs !== undefined && s.afterTokens !== undefined)
        issue("a cancel waits for afterMs or for afterTokens, not for both", "steps", i);
    }
  }
});

type Issue = (message: string, ...path: (string | number)[]) => void;

interface Wrong {
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** The first part of a prompt that breaks a rule; null if none does. */
function wrongPart(trace: z.infer<typeof shape>, s: SendStep): Wrong | null {
  const wrong = (message: string, ...path: (string | number)[]): Wrong => ({ message, path });
  let turns = 0;
  let branched = false;
  for (const [j, p] of s.prompt.entries()) {
    const at = ["prompt", j] as const;
    const before = s.prompt.slice(0, j);
    const cells = promptLength(trace, before);
    const last = j === s.prompt.length - 1;
    if (last && !("read" in p)) return wrong("a prompt ends with a read", ...at);
    if ("nonce" in p) {
      if (j > 0) return wrong("a nonce is a prompt's first part", ...at);
    } else if ("branch" in p) {
      const [first] = s.prompt;
      if (branched || !first || !("nonce" in first))
        return wrong("a prompt has one branch at most, and only after a nonce", ...at);
      branched = true;
    } else if ("seg" in p) {
      const found = trace.segments[p.seg];
      if (!found) return wrong(`no segment is called ${p.seg}`, ...at, "seg");
      if ((p.to ?? found.length) > found.length || partLength(trace, p) < 1)
        return wrong(
          `cells ${p.from ?? 0} to ${p.to ?? found.length} are not in segment ${p.seg} of ${found.length}`,
          ...at,
        );
    } else if ("answer" in p) {
      const read = s.prompt[j - 1];
      if (!read || !("read" in read)) return wrong("an answer follows the read that it answers", ...at);
    } else {
      if (cells === 0) return wrong("a read needs cells before it", ...at);
      if (p.read === "scan" || p.read === "dice") continue;
      if (++turns > TURNS) return wrong(`a prompt has ${TURNS} narrow and find reads at most`, ...at);
      if (p.back > cells) return wrong(`reads ${p.back} cells back in a prompt of ${cells}`, ...at, "back");
      if (p.read === "find") {
        const { prompt } = writeOut(before, trace.segments, adapterOf(s));
        const token = prompt[prompt.length - p.back]!;
        const [x, y] = digitsOf(token);
        const places = isPayload(token) ? placesOf(prompt, [x, y]) : [];
        if (places.length !== 1)
          return wrong(
            isPayload(token)
              ? `the cell ${p.back} back shares its first two digits with ${places.length - 1} others: find reads want a distinct segment`
              : `the cell ${p.back} back holds no payload to find`,
            ...at,
            "back",
          );
      }
    }
  }
  return null;
}

/** Penalties move dice only, and only by steps that no rounding changes. */
function wrongPenalty(s: SendStep): Wrong | null {
  const { prompt, maxTokens } = s;
  const [field] = (["presence", "frequency", "ban"] as const).filter((f) => s[f] !== undefined);
  if (field === undefined) return null;
  const dice = prompt.filter((p) => "read" in p && p.read === "dice");
  const last = prompt.at(-1)!;
  const [first] = prompt;
  // Under a nonce the ladder of a deep model is up to a sixteenth lower; some engines count rungs in the prompt.
  if (!("read" in last) || last.read !== "dice" || dice.length > 1 || "nonce" in first!)
    return { message: "penalties and bans are for a prompt without nonce and with one dice read", path: [field] };
  const { lead } = walk(penaltiesOf(s), maxTokens);
  if (lead >= LEAST_LEAD) return null;
  const message = `two tokens come within ${LEAST_LEAD} nats in ${maxTokens} tokens: which comes first is up to rounding`;
  return { message, path: [field] };
}

/** Options that stand beside `embed`: nothing is sampled, and llama-server embeds by the base model. */
export const BESIDE_EMBED = ["priority", "salt", "embed"] as const satisfies readonly RequestOption[];

function wrongEmbedding(s: SendStep): Wrong | null {
  if (s.embed === undefined) return null;
  if (s.maxTokens !== 1) return { message: "an embedding is read as one token", path: ["maxTokens"] };
  const field = OPTIONS.find((option) => s[option] !== undefined && !BESIDE_EMBED.some((one) => one === option));
  return field === undefined ? null : { message: `nothing is sampled for an embedding: no ${field}`, path: [field] };
}

/** What would keep tokens of a grammar's sentences away, or change which answer is right. */
export const WITHOUT_GRAMMAR = ["stop", "allow", "avoid", "presence", "frequency", "ban"] as const;

function wrongGrammar(s: SendStep): Wrong | null {
  if (s.grammar === undefined) return null;
  const other = WITHOUT_GRAMMAR.find((field) => s[field] !== undefined);
  if (other !== undefined) return { message: `a request has a grammar or ${other}, not both`, path: ["grammar"] };
  if (s.maxTokens <= MAX_SENTENCE) return null;
  return { message: `an answer under a grammar has at most ${MAX_SENTENCE} tokens`, path: ["maxTokens"] };
}
