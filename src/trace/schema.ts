/** Trace v1: what to send and when. The trace is the test case. */

import { z } from "zod";
import { FAMILIES, MAX_BACK } from "../tracer/vocabulary.ts";

export const TRACE_VERSION = "crosstalk-trace/1";

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
});

/** A piece of a prompt: cells `from` (included) to `to` (excluded) of a segment, or the read that ends the prompt. */
const part = z.union([
  z.strictObject({ seg: name, from: tokens.optional(), to: tokens.optional() }),
  z.strictObject({
    read: z.literal("narrow"),
    back: z
      .int()
      .min(1)
      .max(MAX_BACK - 1),
  }),
  z.strictObject({ read: z.literal("scan") }),
]);

const at = { at: milliseconds };
const send = z.strictObject({
  ...at,
  send: name,
  /** Segments, then the read. */
  prompt: z.array(part).min(2),
  maxTokens: z.int().min(1).max(4096),
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
export const isCancel = (s: Step): s is CancelStep => "cancel" in s;

/** Tokens that a part adds to a prompt. */
export function partLength(trace: Pick<Trace, "segments">, p: Part): number {
  if ("read" in p) return 1;
  return (p.to ?? trace.segments[p.seg]?.length ?? 0) - (p.from ?? 0);
}

/** Tokens in a prompt, its read token included. */
export function promptLength(trace: Pick<Trace, "segments">, prompt: readonly Part[]): number {
  return prompt.reduce((sum, p) => sum + partLength(trace, p), 0);
}

/** The schema with the rules that span fields. */
export const traceSchema = shape.superRefine((trace, context) => {
  const sent = new Set<string>();
  const issue = (message: string, ...path: (string | number)[]) => context.addIssue({ code: "custom", message, path });
  for (const [i, s] of trace.steps.entries()) {
    const previous = trace.steps[i - 1];
    if (previous && previous.at > s.at)
      issue(`steps are in order of time: ${s.at} ms comes after ${previous.at} ms`, "steps", i, "at");
    if (isSend(s)) {
      if (sent.has(s.send)) issue(`request ${s.send} is sent twice`, "steps", i, "send");
      sent.add(s.send);
      for (const [j, p] of s.prompt.entries()) {
        const last = j === s.prompt.length - 1;
        if ("read" in p !== last)
          issue("a prompt is segments and then one read, which comes last", "steps", i, "prompt", j);
        if ("read" in p) continue;
        const found = trace.segments[p.seg];
        if (!found) issue(`no segment is called ${p.seg}`, "steps", i, "prompt", j, "seg");
        else if ((p.to ?? found.length) > found.length || partLength(trace, p) < 1)
          issue(
            `cells ${p.from ?? 0} to ${p.to ?? found.length} are not in segment ${p.seg} of ${found.length}`,
            "steps",
            i,
            "prompt",
            j,
          );
      }
      const read = s.prompt.at(-1)!;
      if ("read" in read && read.read === "narrow") {
        const payload = promptLength(trace, s.prompt) - 1;
        if (read.back > payload) issue(`reads ${read.back} cells back in a prompt of ${payload}`, "steps", i, "prompt");
        if (s.maxTokens > read.back)
          issue(
            `a narrow read ${read.back} cells back has ${read.back} answers, not ${s.maxTokens}`,
            "steps",
            i,
            "maxTokens",
          );
      }
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
