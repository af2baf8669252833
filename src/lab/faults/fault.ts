/** What a planted bug of the lab is, and how it gets in. */

import type { AnomalyClass } from "../../check/finding.ts";
import type { Arm } from "../../history/schema.ts";
import type { VirtualClock } from "../clock.ts";
import type { LabOptions } from "../config.ts";
import type { LabEngine } from "../engine.ts";
import type { HostTier } from "../host-tier.ts";
import type { KvCache } from "../kv-cache.ts";
import { RadixTree } from "../radix-tree.ts";
import { Slots } from "../slots.ts";
import type { LabWatch } from "../watched-cells.ts";
import type { Worker } from "../worker.ts";

/**
 * Classes of public bugs: C1 read before ready, C2 freed in flight, C3 poisoned lower tier, C4 key that omits or collides,
 * C5 prefix metadata out of step, C6 life of chunks, C7 batch rows mixed up, C8 draft and target, C9 hybrid state, C10 reuse
 * of slots, C11 cells moved, C12 identity, C13 rows of logits, C14 reuse of graphs and buffers, C15 multimodal, C16 liveness,
 * C17 replicas, C18 side channels.
 */
export const FAULT_CLASSES = [
  "C1",
  "C2",
  "C3",
  "C4",
  "C5",
  "C6",
  "C7",
  "C8",
  "C9",
  "C10",
  "C11",
  "C12",
  "C13",
  "C14",
  "C15",
  "C16",
  "C17",
  "C18",
] as const;
export type FaultClass = (typeof FAULT_CLASSES)[number];

/** A lab that has just been made. A fault puts methods of its own in the place of right ones. */
export interface LabParts {
  readonly engine: LabEngine;
  readonly clock: VirtualClock;
  /** The only worker, or the one that prefills and then the one that decodes. */
  readonly workers: readonly Worker[];
  /** Told what was really read, where somebody listens. */
  readonly watch: LabWatch | null;
}

/** A planted bug, with the real one it resembles. */
export interface LabFault {
  readonly name: string;
  /** What the mistake is, in one sentence. */
  readonly mistake: string;
  readonly class: FaultClass;
  /** The public bug it resembles. */
  readonly resembles: { readonly title: string; readonly url: string };
  /** What has to happen for it to show. */
  readonly trigger: string;
  /** What a client sees. */
  readonly symptom: string;
  /** Id of the law that it breaks. */
  readonly breaks: string;
  /** Anomalies that it can cause. */
  readonly shows: readonly AnomalyClass[];
  /** Arms that, taken together, leave it no trigger; none where no arm does. */
  readonly heals: readonly Arm[];
  /** It shows only where some requests have adapters. */
  readonly adapters?: "some";
  /** Settings of a lab that has what it damages; a lab with the fault has them unless it is told otherwise. */
  readonly settings?: Pick<
    LabOptions,
    | "prefixIndex"
    | "hostBlocks"
    | "swapBlocks"
    | "poolBlocks"
    | "transfer"
    | "maxRunning"
    | "slots"
    | "promptCacheBlocks"
    | "draftTokens"
    | "asyncScheduling"
    | "movesPerStep"
    | "window"
    | "costs"
  >;
  /** Topologies that it is hunted in. */
  readonly topologies: readonly ("single" | "pd")[];
  plant(lab: LabParts): void;
}

/** What a cell that is not the own one can look like. */
export const CELLS: readonly AnomalyClass[] = [
  "foreign read",
  "stale read",
  "torn read",
  "shifted read",
  "unwritten read",
];

/** Gives a fault its type. */
export const defineFault = (fault: LabFault): LabFault => fault;

/** The radix trees of a lab; none where it finds prefixes by their keys. */
export const radixTreesOf = ({ workers }: LabParts): RadixTree[] =>
  workers.flatMap(({ kv: { prefixes } }) => (prefixes instanceof RadixTree ? [prefixes] : []));

type Method<T, K extends keyof T> = T[K] & ((...args: never[]) => unknown);

/** Puts a method that is made from the right one in its place. */
export function instead<T extends object, K extends keyof T>(
  object: T,
  method: K,
  wrong: (right: Method<T, K>) => Method<T, K>,
): void {
  const right = (object[method] as Method<T, K>).bind(object) as Method<T, K>;
  object[method] = wrong(right);
}

/** The caches of a lab behind which a host tier stands, each with that. */
export const cachesWithHost = ({ workers }: LabParts): readonly { readonly kv: KvCache; readonly host: HostTier }[] =>
  workers.flatMap(({ kv }) => (kv.host === null ? [] : { kv, host: kv.host }));

/** The caches of a lab that gives requests slots, each with its slots; none of another lab. */
export const cachesWithSlots = ({ workers }: LabParts): readonly { readonly kv: KvCache; readonly slots: Slots }[] =>
  workers.flatMap(({ kv }) => (kv.sessions instanceof Slots ? { kv, slots: kv.sessions } : []));
