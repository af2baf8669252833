/**
 * History v1: everything that happened when a trace ran, as one JSON object a line. The first line is the header.
 * One history is one execution: one arm on one server epoch, both named in the header.
 */

import { z } from "zod";
import { MAX_CHOICES } from "../trace/schema.ts";

export const HISTORY_VERSION = "crosstalk-history/1";

/** Which variant of a trace ran. Every arm but `main` changes exactly one thing. */
export const ARMS = ["main", "serialised", "no-cache", "no-cancels", "fresh-server"] as const;
export type Arm = (typeof ARMS)[number];

const micros = z.int().nonnegative();

/** What the engine says of a generated token, in nats. */
const logprob = z.strictObject({
  own: z.number(),
  /** The likeliest other token that it names. */
  rival: z.strictObject({ id: z.int(), logprob: z.number() }).optional(),
});

const header = z.strictObject({
  crosstalk: z.literal(HISTORY_VERSION),
  trace: z.strictObject({ name: z.string(), sha256: z.string() }),
  arm: z.enum(ARMS),
  /** Counts server starts within one session of Crosstalk, from 1. */
  epoch: z.int().min(1),
  /** Whether every cache was known to be empty when the run began. Left out: nobody knows. */
  empty: z.boolean().optional(),
  engine: z.strictObject({ name: z.string(), version: z.string(), args: z.array(z.string()) }),
  target: z.string(),
  /** Manifest hash of the tracer model that the target was proven to hold. */
  model: z.string(),
  machine: z.string(),
  /** `virtual` for the lab; otherwise the wall clock at t = 0, ISO 8601. */
  clock: z.string(),
});

/** Times are whole microseconds from the start of the run. `at` is the intended time where a trace step caused the event. */
const t = { t: micros };
const event = z.discriminatedUnion("e", [
  z.strictObject({ ...t, e: z.literal("sent"), at: micros, id: z.string(), tokens: z.int(), sha256: z.string() }),
  z.strictObject({
    ...t,
    e: z.literal("tokens"),
    id: z.string(),
    /** Which of several choices they belong to, from 1 on; left out for choice 0. */
    choice: z
      .int()
      .min(1)
      .max(MAX_CHOICES - 1)
      .optional(),
    ids: z.array(z.int()),
    /** One for each id, where the request asked for them and the engine told. */
    logprobs: z.array(logprob).optional(),
  }),
  z.strictObject({ ...t, e: z.literal("cancelled"), at: micros, id: z.string() }),
  z.strictObject({
    ...t,
    e: z.literal("finished"),
    id: z.string(),
    reason: z.enum(["length", "stop", "other"]),
    /** Prompt tokens that the engine says came from its cache; null where it does not tell. */
    cached: z.int().nullable(),
    /** Slot, row or replica that served it, as the engine names it. */
    place: z.string().optional(),
  }),
  z.strictObject({ ...t, e: z.literal("failed"), id: z.string(), code: z.string(), message: z.string() }),
  z.strictObject({ ...t, e: z.literal("flushed"), at: micros, proof: z.string() }),
  z.strictObject({ ...t, e: z.literal("fault"), at: micros, fault: z.string() }),
  /** Something risky for cells already written, where the target tells: the lab does, engines mostly count only. */
  z.strictObject({
    ...t,
    e: z.literal("cache"),
    what: z.enum(["eviction", "preemption", "load", "store", "transfer", "move"]),
    id: z.string().optional(),
    blocks: z.array(z.int()),
  }),
  /** The engine's own counters, as differences over the run, under Crosstalk's names. */
  z.strictObject({ ...t, e: z.literal("metrics"), counters: z.record(z.string(), z.number()) }),
  /** The server's process ended by itself: `how` is its exit code or signal, `said` what it wrote last. */
  z.strictObject({ ...t, e: z.literal("lost"), how: z.string(), said: z.string() }),
  /** The run ended: lateness of the executor's own steps. A history without it was cut short. */
  z.strictObject({ ...t, e: z.literal("end"), latenessP99: micros, latenessMax: micros }),
]);

export const headerSchema = header;
export const eventSchema = event;
export type HistoryHeader = z.infer<typeof header>;
export type Logprob = z.infer<typeof logprob>;
export type HistoryEvent = z.infer<typeof event>;

export interface History {
  readonly header: HistoryHeader;
  readonly events: readonly HistoryEvent[];
}
