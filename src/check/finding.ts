/** A finding: what broke, how surely, and the shortest trace that shows it. Plain data; reports are made of it. */

import type { Arm, History } from "../history/schema.ts";
import type { TargetDescription } from "../target/target.ts";
import type { Trace } from "../trace/schema.ts";
import type { AdapterName } from "../tracer/adapter.ts";

/**
 * Names of what a wrong answer shows; docs/anomalies.md defines them. `unexplained` where the evidence fits no class.
 */
export const ANOMALY_CLASSES = [
  "foreign read",
  "stale read",
  "shifted read",
  "torn read",
  "unwritten read",
  "adapter mix-up",
  "row swap",
  "leaked parameter",
  "phantom hit",
  "lost tail",
  "repeated tail",
  "unsettled request",
  "lost server",
  "unexplained",
] as const;
export type AnomalyClass = (typeof ANOMALY_CLASSES)[number];

/** Another request's cells. Foreign and stale differ only in whether their owner was still at work. */
export const isOthers = (kind: AnomalyClass): boolean => kind === "foreign read" || kind === "stale read";

/** A cell that could have given the wrong token: whose it was and where it lay. Of a leaked parameter: whose it was. */
export interface CellOrigin {
  /** Request whose prompt or answer put the cell there. */
  readonly request: string;
  /** Position in that request's context. */
  readonly position: number;
  /** Where the position lies in the trace's words: `B[17]`, or `answer[3]`. A leaked parameter: `presence penalty 0.75`. */
  readonly place: string;
  /** Of an adapter mix-up: what computed the cell, which has the token that the request itself should have there. */
  readonly adapter?: AdapterName | "base";
}

/** A class that the evidence fits, and the cells that it says were read: one is certain, several are ambiguous. */
export interface Reading {
  readonly class: AnomalyClass;
  readonly origins: readonly CellOrigin[];
}

export interface Anomaly {
  /** The class that fits best. */
  readonly class: AnomalyClass;
  /** Other classes that the evidence fits; none: `class` is certain. */
  readonly or: readonly Reading[];
  readonly request: string;
  /** Which of its choices; left out for choice 0. */
  readonly choice?: number;
  /** Index of the first wrong generated token; null where no token is wrong. */
  readonly index: number | null;
  /** Token names, from `index` on, as far as the evidence goes. */
  readonly expected: readonly string[];
  readonly observed: readonly string[];
  /** Position that should have been read; null for a scan, which reads the whole context. */
  readonly position: number | null;
  /** Candidates for the cells that were read instead, if `class` is right; one means certain, none unknown. */
  readonly origins: readonly CellOrigin[];
  /** A paragraph for a person: who read whose cells, at which positions and blocks, and what happened just before. */
  readonly explanation: string;
}

/** k failures in n runs, with the Wilson interval of the rate. */
export interface Rate {
  readonly failed: number;
  readonly runs: number;
  readonly low: number;
  readonly high: number;
}

export interface ArmResult {
  readonly arm: Arm;
  readonly rate: Rate;
}

export interface TraceSize {
  readonly requests: number;
  readonly cancels: number;
  readonly steps: number;
  readonly promptTokens: number;
}

export interface Finding {
  /** Stable name made of law, class and trace: `own-cells-only-1f3a9c`. */
  readonly id: string;
  readonly law: { readonly id: string; readonly title: string; readonly law: string };
  readonly anomaly: Anomaly;
  readonly trace: Trace;
  /** The run of `trace` that the anomaly was read from. */
  readonly history: History;
  /** The last lines that the server had written when that run ended; empty where the target has no log. */
  readonly log: readonly string[];
  readonly target: TargetDescription;
  /** Runs of the minimal trace on fresh servers; 0 servers where the target could not be restarted. */
  readonly confirmation: Rate & { readonly servers: number };
  readonly arms: readonly ArmResult[];
  /**
   * Settings of the server that were left out one by one: it fails without these, and `target` has none of them; it needs
   * those. Not there where none were tried.
   */
  readonly settings?: { readonly without: readonly string[]; readonly needed: readonly string[] };
  /** `claim`: what may be said of the minimal trace, and no more. */
  readonly minimised: {
    readonly from: TraceSize;
    readonly to: TraceSize;
    readonly runs: number;
    readonly claim: string;
  };
}
